// Queries whose columns lie beyond the first 2 GiB of the shared memory, where an address is negative as a 32-bit number.

import { expect, it } from 'vitest'
import { createKernels } from '../../src/kernels/kernels.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { startQueryService } from '../../test/helpers/queryService.ts'
import { openTestStorage } from '../../test/helpers/testStorage.ts'

it('answers when two gigabytes of the memory are taken', async () => {
  const startMs = 1_700_000_000_000
  const storage = await openTestStorage()
  const appender = storage.appender()
  for (let i = 0; i < 20; i++) for (let k = 0; k < 40; k++) appender.append(labelsFrom({ __name__: 'x', i: String(i) }), startMs + k * 15_000, i * k)
  await appender.commit()
  const { module, memory } = storage.querierInit().head
  // Nothing is written to it, so that it takes no memory of the machine.
  expect(createKernels(module, memory).exports.takeSpan(2 ** 31)).toBeGreaterThan(0)
  const service = startQueryService(storage, { workers: 1 })
  const queries = ['x', 'sum(x)', 'sum by (i) (x)', 'avg(rate(x[1m]))', 'rate(x[1m])', 'topk(2, x)', 'count_values("v", x)', 'quantile(0.5, x)', 'x + x', 'x > 3', 'x + 1', 'abs(x)', 'max_over_time(x[1m])', 'sum_over_time(x[1m])', 'stddev(x)', 'sum_over_time(rate(x[1m])[2m:15s])', 'sort(x)', 'label_replace(x, "a", "b", "", "")', 'x or x', 'absent(x)']
  for (const query of queries) {
    for (const request of [{ kind: 'range', query, startMs, endMs: startMs + 600_000, stepMs: 15_000 }, { kind: 'instant', query, timeMs: startMs + 300_000 }] as const) {
      const { status, body } = await service.respond(request)
      const text = Buffer.from(body).toString()
      expect([query, status, status === 200 ? '' : text]).toEqual([query, 200, ''])
      // Asked again it is answered on the main thread, and then by a program.
      for (let times = 0; times < 5; times++) expect(Buffer.from((await service.respond(request)).body).toString()).toBe(text)
    }
  }
  await service.close()
  await storage.close()
})
