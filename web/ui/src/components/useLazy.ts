// Parts of the page that come after the first paint: loaded once, when something first needs them.

import { useEffect, useState } from 'preact/hooks'

/** What `load` resolves to, once it has. `load` must be the same function at each call. */
export function useLazy<T extends object>(load: () => Promise<T>): T | undefined {
  const [loaded, setLoaded] = useState<T>()
  useEffect(() => {
    let isWanted = true
    load().then(
      (module) => isWanted && setLoaded(module),
      (error: unknown) => console.error('a part of the page could not be loaded', error),
    )
    return () => {
      isWanted = false
    }
  }, [load])
  return loaded
}
