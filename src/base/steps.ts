// Work in steps, with turns of the event loop between them. Most of it is short and has one step: that costs no promise.

/** Takes the steps to their end: at once when there is no `yield` on the way, else with a turn of the event loop at each. */
export function takeSteps<T>(steps: Generator<void, T>): T | Promise<T> {
  const first = steps.next()
  return first.done === true ? first.value : takeRest(steps)
}

async function takeRest<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const next = steps.next()
    if (next.done === true) return next.value
  }
}

/** Goes on with what is there at once, or when it is. */
export function andThen<A, B>(value: A | Promise<A>, next: (value: A) => B | Promise<B>): B | Promise<B> {
  return value instanceof Promise ? value.then(next) : next(value)
}
