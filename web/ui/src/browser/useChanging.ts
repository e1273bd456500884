// Something of the browser's that a component shows as it is now.

import { useEffect, useState } from 'preact/hooks'

/** What `read` gives, read again when one of the events comes. `read` and `events` are the same at every call. */
export function useChanging<T>(read: () => T, events: readonly (readonly [target: EventTarget, type: string])[]): T {
  const [value, setValue] = useState(read)
  useEffect(() => {
    const update = () => setValue(read)
    for (const [target, type] of events) target.addEventListener(type, update)
    return () => {
      for (const [target, type] of events) target.removeEventListener(type, update)
    }
  }, [])
  return value
}
