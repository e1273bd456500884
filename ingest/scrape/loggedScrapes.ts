// Who hears that scrapes in the head did not become durable. Many scrapes are logged together, and one of them waits for all.

/** Whoever has stored a scrape. */
export type Storing = { notLogged(error: unknown): void }

export class LoggedScrapes {
  #logged: Promise<void> | undefined
  #storing: Storing[] = []

  /** `logged` settles when what was stored is durable, or is not going to be. */
  watch(logged: Promise<void>, one: Storing): void {
    if (logged !== this.#logged) {
      const storing: Storing[] = []
      this.#logged = logged
      this.#storing = storing
      logged.catch((error: unknown) => {
        for (const each of storing) each.notLogged(error)
      })
    }
    this.#storing.push(one)
  }
}
