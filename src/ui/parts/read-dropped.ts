// Knows: how dropped and picked files are read with their paths: a folder's entries one by one, within limits.
// Must not know: what the files are for.

export interface FileWithPath {
  /** Below the folder, or the file's name. */
  readonly path: string
  readonly file: File
}

export interface Picked {
  readonly files: readonly FileWithPath[]
  /** Name of the folder, if one was picked. */
  readonly folder?: string
}

/** Limits of entries read and of nested folders. */
const MAX_ENTRIES = 5000
const MAX_DEPTH = 8

/** From an input: with `webkitdirectory` each file has its path in the folder. */
export function readPicked(list: FileList | null): Picked {
  const files = Array.from(list ?? [])
  const [first] = files
  if (first === undefined || first.webkitRelativePath === '')
    return { files: files.map((file) => ({ path: file.name, file })) }
  const folder = first.webkitRelativePath.split('/')[0] ?? ''
  return {
    folder,
    files: files.map((file) => ({ path: file.webkitRelativePath.slice(folder.length + 1), file })),
  }
}

/** From a drop: files as they are, one folder with all that is in it. Must be called while the event is handled. */
export async function readDropped(data: DataTransfer | null): Promise<Picked> {
  const entries = Array.from(data?.items ?? []).flatMap((item) => item.webkitGetAsEntry?.() ?? [])
  const [only] = entries
  if (only === undefined || entries.length > 1 || !isFolder(only)) return readPicked(data?.files ?? null)
  const files: FileWithPath[] = []
  await walk(only, '', files, { left: MAX_ENTRIES })
  return { folder: only.name, files }
}

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile

async function walk(
  folder: FileSystemDirectoryEntry,
  path: string,
  into: FileWithPath[],
  budget: { left: number },
  depth = 0,
): Promise<void> {
  const reader = folder.createReader()
  // A reader returns entries in batches, and an empty batch at its end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return
    for (const entry of some) {
      if (budget.left-- <= 0) return
      if (entry.name.startsWith('.')) continue
      if (isFile(entry))
        into.push({
          path: path + entry.name,
          file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)),
        })
      else if (isFolder(entry) && depth < MAX_DEPTH)
        await walk(entry, `${path}${entry.name}/`, into, budget, depth + 1)
    }
  }
}
