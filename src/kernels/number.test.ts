import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { captureNames, readCapture } from '../../test/helpers/scraping/scrapeCapture.ts'
import { createKernelMemory, createKernels, loadKernelModule } from './kernels.ts'
import { powersOfTen } from './powersOfTen.ts'

const memory = createKernelMemory()
memory.grow(4)
const kernels = createKernels(loadKernelModule(), memory)
new BigUint64Array(memory.buffer, kernels.exports.powersOfTenAddress()).set(powersOfTen())
const out = 3 * 65_536
const input = out + 16
const bits = new BigUint64Array(memory.buffer, out, 1)
const double = new Float64Array(1)
const doubleBits = new BigUint64Array(double.buffer)

/** The bits of the number, `hard` when it is left to the caller, `bad` when it is none. */
function parse(text: string): bigint | 'hard' | 'bad' {
  kernels.bytes.fill(0, input, input + text.length + 32)
  kernels.bytes.write(`${text}\n`, input, 'latin1')
  const status = kernels.exports.parseNumber(input, out)
  if (status === 0) expect(kernels.word(out + 8), text).toBe(input + text.length)
  return status === 0 ? (bits[0] ?? 0n) : status === 1 ? 'hard' : 'bad'
}

function bitsOf(text: string): bigint {
  double[0] = Number(text)
  return doubleBits[0] ?? 0n
}

describe('parseNumber', () => {
  const decides = (text: string) => it(`decides ${text}`, () => expect(parse(text)).toBe(bitsOf(text)))
  decides('0')
  decides('-0')
  decides('0.5')
  decides('0.25')
  decides('-7.75')
  decides('0.1')
  decides('943.47')
  decides('9007199254740993')
  decides('9007199254740993e3')
  decides('1.7954265396982427e+09')
  decides('3.981e-05')
  decides('4.9406564584124654e-300')
  decides('1.7976931348623157e+308')
  decides('123456789012345678')

  const refuses = (text: string) => it(`refuses ${JSON.stringify(text)}`, () => expect(parse(text)).toBe('bad'))
  refuses('')
  refuses('.')
  refuses('1e')
  refuses('0x1p2')
  refuses('1_0')
  refuses('1.5z')

  it('agrees with JavaScript wherever it decides, and nearly always does', () => {
    const { seed, below, pick } = createRandom()
    const digits = (count: number) => Array.from({ length: count }, () => String(below(10))).join('')
    let hard = 0
    const rounds = Number(process.env['NUMBER_ROUNDS'] ?? 20_000)
    for (let round = 0; round < rounds; round++) {
      double[0] = 0
      const random = () => {
        doubleBits[0] = (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32))
        return String(double[0])
      }
      const fixed = () => `${digits(1 + below(9))}.${digits(1 + below(9))}`
      const short = () => `${below(1000)}${pick(['', '.5', '.25', '.125', `.${below(100)}`])}`
      const text = `${pick(['', '-', '+'])}${pick([fixed, short, () => `${fixed()}e${pick(['', '-', '+'])}${below(30)}`, random])()}`.replace(/^[-+]-/, '-')
      if (/NaN|Inf/.test(text)) continue
      const found = parse(text)
      if (found === 'hard') hard++
      else expect(found, `${text}, seed ${seed}`).toBe(bitsOf(text))
    }
    expect(hard / rounds, `seed ${seed}`).toBeLessThan(0.01)
  })

  it('decides all numbers of real exporters', () => {
    for (const name of captureNames) {
      for (const { body } of readCapture(name).slice(0, 5)) {
        for (const [line] of body.matchAll(/^[^#\n].*$/gm)) {
          const text = line.slice(line.lastIndexOf(' ') + 1)
          if (!/Inf|NaN/.test(text)) expect(parse(text), text).toBe(bitsOf(text))
        }
      }
    }
  })
})
