// Compiles src/kernels/assembly to src/kernels/kernels.wasm. Does nothing when the module is newer than its sources;
// `--force` compiles anyway. Checks what the shared memory needs: no data segments, nothing imported but the memory.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const sourceFolder = join(folder, 'assembly')
const output = join(folder, 'kernels.wasm')

const isUpToDate = () => {
  const built = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = [fileURLToPath(import.meta.url), ...readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' }).map((name) => join(sourceFolder, name))]
  return sources.every((path) => statSync(path).mtimeMs <= built)
}

type Compiler = { main(args: readonly string[]): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }> }

async function compile(): Promise<void> {
  // By a name the type checker does not follow: the compiler's types bring AssemblyScript's globals over Node's.
  const compilerName: string = 'assemblyscript/asc'
  const asc: Compiler = await import(compilerName)
  const { error, stderr } = await asc.main([
    join(sourceFolder, 'index.ts'),
    ...['--outFile', output, '--runtime', 'stub', '-O3', '--noAssert', '--use', 'abort='],
    ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
  ])
  const messages = stderr.toString()
  if (error !== null || messages.includes('ERROR')) throw new Error(`the kernels do not compile\n${messages}`)
  if (messages !== '') process.stderr.write(messages)
  checkModule(readFileSync(output))
}

/** Walks the sections: a data segment would be written again by every thread, an import would have to be provided to each. */
function checkModule(bytes: Uint8Array): void {
  const sectionOfImports = 2
  const sectionOfData = 11
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++] ?? 0
    let length = 0
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      byte = bytes[at++] ?? 0
      length |= (byte & 0x7f) << shift
    }
    if (id === sectionOfData) throw new Error('the kernels hold static data: a string or array literal got in')
    if (id === sectionOfImports && bytes[at] !== 1) throw new Error('the kernels import more than the memory')
    at += length
  }
}

if (process.argv.includes('--force') || !isUpToDate()) await compile()
