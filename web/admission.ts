// How many connections are served at one time. Those beyond wait in the order in which they came, as in the accept queue of a server
// that does not accept them: Node can only accept or refuse. What they send stays unread but for what the system hands over.

import type { Socket } from 'node:net'

/** As many wait as Linux lets wait to be accepted. */
const maxWaiting = 4_096

export class Admission {
  readonly #limit: number
  readonly #served = new Set<Socket>()
  /** And what begins when it is their turn. */
  readonly #waiting = new Map<Socket, () => void>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Calls `serve` at once, or when others have ended; never for a connection that ends before. */
  enter(socket: Socket, serve: () => void): void {
    if (this.#served.size < this.#limit) this.#serve(socket, serve)
    else if (this.#waiting.size < maxWaiting) this.#wait(socket, serve)
    else socket.destroy()
  }

  /** Ends those that wait. */
  close(): void {
    for (const socket of this.#waiting.keys()) socket.destroy()
  }

  #serve(socket: Socket, serve: () => void): void {
    this.#served.add(socket)
    socket.once('close', () => {
      this.#served.delete(socket)
      this.#callNext()
    })
    serve()
  }

  #wait(socket: Socket, serve: () => void): void {
    const leave = () => this.#waiting.delete(socket)
    // `close` follows.
    const onError = () => {}
    socket.on('close', leave)
    socket.on('error', onError)
    this.#waiting.set(socket, () => {
      socket.off('close', leave)
      serve()
      socket.off('error', onError)
    })
  }

  #callNext(): void {
    for (const [socket, serve] of this.#waiting) {
      if (this.#served.size >= this.#limit) return
      this.#waiting.delete(socket)
      if (!socket.destroyed) this.#serve(socket, serve)
    }
  }
}
