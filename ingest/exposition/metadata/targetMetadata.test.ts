import { describe, expect, it } from 'vitest'
import { KnownMetadata, TargetMetadata } from './targetMetadata.ts'

const type = (name: string, text: string) => ({ kind: 'type' as const, name, text })
const help = (name: string, text: string) => ({ kind: 'help' as const, name, text })

describe('TargetMetadata', () => {
  it('joins the lines of a metric; untyped is unknown', () => {
    const metadata = new TargetMetadata()
    metadata.update([help('a', 'text'), type('a', 'untyped'), help('b', 'x'), type('c', 'counter'), { kind: 'unit', name: 'c', text: 'bytes' }])
    expect(Object.fromEntries([...metadata.entries()].map(([name, { type, help, unit }]) => [name, [type, help, unit]]))).toEqual({
      a: ['unknown', 'text', ''], b: ['unknown', 'x', ''], c: ['counter', '', 'bytes'],
    })
    expect(metadata.bytes()).toBe('unknowntext'.length + 'unknownx'.length + 'counterbytes'.length)
  })

  it('keeps what has gone for ten scrapes', () => {
    const metadata = new TargetMetadata()
    metadata.update([type('a', 'gauge'), type('b', 'gauge')])
    metadata.update([type('a', 'gauge')])
    for (let i = 0; i < 9; i++) metadata.update(undefined)
    expect([...metadata.entries().keys()]).toEqual(['a', 'b'])
    metadata.update(undefined)
    expect([...metadata.entries().keys()]).toEqual(['a'])
  })

  it('has the same map as other targets with the same lines', () => {
    const lines = [type('a', 'gauge'), help('a', 'text')]
    const [one, other] = [new TargetMetadata(), new TargetMetadata()]
    one.update(lines)
    other.update(lines)
    expect(one.entries()).toBe(other.entries())
    one.update([type('b', 'gauge')])
    expect([...one.entries().keys()]).toEqual(['b', 'a'])
    expect([...other.entries().keys()]).toEqual(['a'])
  })

  it('takes back what returns', () => {
    const metadata = new TargetMetadata()
    metadata.update([type('a', 'gauge')])
    metadata.update([])
    metadata.update([type('a', 'counter')])
    for (let i = 0; i < 20; i++) metadata.update(undefined)
    expect(metadata.entries().get('a')?.type).toBe('counter')
  })
})

describe('KnownMetadata', () => {
  it('has the lines of the latest bodies, and forgets others when they are many', () => {
    const known = new KnownMetadata()
    const kept = Array.from({ length: 300 }, (_, i) => [type(`m${i}`, 'gauge')])
    kept.forEach((lines, i) => known.add(String(i), lines))
    expect(known.find('299')).toBe(kept[299])
    expect(known.find('0')).toBeUndefined()
    expect(known.find('none')).toBeUndefined()
  })
})
