// What storage says when it cannot do its work. Everything else that goes wrong in storage is a returned value or our own mistake.

/** The disk refuses, for now: full, read-only, too slow. The client should try again; HTTP answers 503. */
export class StorageUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StorageUnavailableError'
  }
}

/** A file of the data directory cannot be used. The message names the file, what is wrong, and the way out. */
export class DataFileError extends Error {
  readonly path: string

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path}: ${reason}`, options)
    this.name = 'DataFileError'
    this.path = path
  }
}

/** The file is fine, but a newer solowatch wrote it: nothing is done to it, and nothing is started beside it. */
export class NewerFormatError extends DataFileError {}
