// Health, readiness, reload and quit.

import { errorText } from '../../src/base/assert.ts'
import { plain } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { notReady } from '../router.ts'
import type { Readiness, Router } from '../router.ts'

export type LifecycleOptions = {
  readonly readiness: () => Readiness
  readonly isEnabled: boolean
  /** Rejects with what is wrong; then nothing has changed. */
  readonly reload: () => Promise<void>
  readonly quit: () => void
}

export function addLifecycleRoutes(router: Router, options: LifecycleOptions): void {
  const always = { whenNotReady: true }
  router.route(['GET', 'HEAD'], '/-/healthy', () => plain(200, 'Prometheus Server is Healthy.\n'), always)
  router.route(
    ['GET', 'HEAD'],
    '/-/ready',
    () => {
      const readiness = options.readiness()
      return readiness === 'ready' ? plain(200, 'Prometheus Server is Ready.\n') : notReady(readiness)
    },
    always,
  )
  const lifecycle = (handler: () => Answer | Promise<Answer>) => () => (options.isEnabled ? handler() : plain(403, 'Lifecycle API is not enabled.'))
  const onlyPosts = { whenNotReady: true, wrongMethodText: 'Only POST or PUT requests allowed' }
  router.route(['POST', 'PUT'], '/-/reload', lifecycle(() => reload(options)), onlyPosts)
  router.route(['POST', 'PUT'], '/-/quit', lifecycle(() => quit(options)), onlyPosts)
}

async function reload(options: LifecycleOptions): Promise<Answer> {
  try {
    await options.reload()
    return plain(200, '')
  } catch (error) {
    return plain(500, `failed to reload config: ${errorText(error)}\n`)
  }
}

function quit(options: LifecycleOptions): Answer {
  // After this answer is on its way.
  setImmediate(options.quit)
  return plain(200, 'Requesting termination... Goodbye!')
}
