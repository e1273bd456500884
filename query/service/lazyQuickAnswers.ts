// `QuickAnswers` that are made when the first request is expected or comes: a server that nobody asks does not hold the engine a second
// time, beside that of the workers.

import type { LentChunks } from '../../storage/querier/lentChunks.ts'
import { newerView, type DiskView } from '../../storage/querier/diskView.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import type { ApiRequest } from '../answers/api.ts'
import type { EngineSettings, JobSettings } from '../answers/job.ts'
import type { QuickAnswers } from './quickAnswers.ts'

export type LazyQuickAnswersOptions = {
  readonly querierInit: () => QuerierInit
  readonly releaseWorker: (init: QuerierInit) => void
  readonly features: ReadonlySet<string>
  readonly settings: EngineSettings
}

export class LazyQuickAnswers {
  readonly #options: LazyQuickAnswersOptions
  #made: { readonly answers: QuickAnswers; readonly init: QuerierInit } | undefined
  #making: Promise<void> | undefined
  #view: DiskView | undefined
  #closed = false

  constructor(options: LazyQuickAnswersOptions) {
    this.#options = options
  }

  prepare(): void {
    this.#making ??= this.#make()
  }

  answer(request: ApiRequest, settings: JobSettings): ReturnType<QuickAnswers['answer']> {
    if (this.#closed) return undefined
    this.prepare()
    return this.#made?.answers.answer(request, settings)
  }

  learn(view: DiskView): void {
    this.#view = newerView(this.#view, view)
    this.#made?.answers.learn(view)
  }

  borrow(lent: LentChunks): void {
    this.#made?.answers.borrow(lent)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#making
    if (this.#made === undefined) return
    this.#made.answers.close()
    this.#options.releaseWorker(this.#made.init)
  }

  async #make(): Promise<void> {
    const { createQuickAnswers } = await import('./quickAnswers.ts')
    if (this.#closed) return
    const { querierInit, features, settings } = this.#options
    const init = querierInit()
    const answers = createQuickAnswers(init, features, settings)
    if (this.#view !== undefined) answers.learn(this.#view)
    this.#made = { answers, init }
  }
}
