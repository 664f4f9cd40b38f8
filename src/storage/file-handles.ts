// Knows: the parts of a browser's folders and files that are used; database-folder.ts has the same.

/** Parts of the file system's interface that TypeScript's DOM library lacks. */
export interface SyncHandle {
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(bytes: number): void
  getSize(): number
  flush(): void
  close(): void
}
/** The parts of a browser's handles that are used, which `databaseFolder` has too. */
export interface Writer {
  write(contents: Blob | Uint8Array<ArrayBuffer>): Promise<void>
  truncate(bytes: number): Promise<void>
  seek(position: number): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}
export interface FileHandle {
  getFile(): Promise<File>
  createWritable?(options?: { keepExistingData?: boolean }): Promise<Writer>
  move?(folder: Folder, name: string): Promise<void>
  createSyncAccessHandle?(): Promise<SyncHandle>
}
export interface Folder {
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<Folder>
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileHandle>
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>
  values(): AsyncIterable<{ readonly kind: 'file' | 'directory'; readonly name: string }>
}
