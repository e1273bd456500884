// The thread that compares a password with a bcrypt hash, which takes a processor some fifty milliseconds on purpose.

import { parentPort } from 'node:worker_threads'
import bcrypt from 'bcryptjs'

export type PasswordQuestion = { readonly id: number; readonly password: string; readonly hash: string }
export type PasswordAnswer = { readonly id: number; readonly isRight: boolean }

parentPort?.on('message', ({ id, password, hash }: PasswordQuestion) => {
  parentPort?.postMessage({ id, isRight: bcrypt.compareSync(password, hash) } satisfies PasswordAnswer)
})
