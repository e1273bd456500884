// The part of the WebAssembly JavaScript API that the server uses. Node has it; its types leave it to the DOM library,
// which would bring a browser's globals along. Source: WebAssembly JavaScript Interface, W3C.

declare namespace WebAssembly {
  type MemoryDescriptor = { readonly initial: number; readonly maximum?: number; readonly shared?: boolean }

  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: SharedArrayBuffer
    /** Grows by pages of 64 KiB; returns the size before. */
    grow(pages: number): number
  }

  class Module {
    constructor(bytes: Uint8Array)
  }

  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>)
    readonly exports: Readonly<Record<string, unknown>>
  }
}
