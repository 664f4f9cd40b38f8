// Knows: which folder may import which, and which packages; reads every file's imports with a real parser.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse as parseSvelte } from 'svelte/compiler'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Ring {
  /** Rings and engine folders it may import, besides itself. */
  readonly ours: readonly string[]
  readonly packages: readonly string[]
}

/** A folder's name is its permission. Each engine folder is a ring of its own and may import any other engine folder. */
const RINGS: Readonly<Record<string, Ring>> = {
  'src/domain': { ours: [], packages: ['@noble/hashes'] },
  'src/engine': { ours: [], packages: [] },
  'src/engine/runtime': { ours: ['src/engine'], packages: ['onnxruntime-web'] },
  // Runs when the page is built and in tests, never in the page.
  'src/engine/kernels/build': { ours: ['src/engine'], packages: ['assemblyscript', 'node:'] },
  'src/engine/tokenizers': {
    ours: ['src/engine'],
    packages: ['@huggingface/tokenizers', '@huggingface/jinja'],
  },
  // Jinja for the templates of a person's own (tagging/row-template.ts): a pure interpreter, which the tokenizers load anyway.
  'src/pipeline': { ours: ['src/domain'], packages: ['yaml', 'papaparse', 'valibot', '@huggingface/jinja'] },
  'src/protocol': { ours: ['src/domain'], packages: [] },
  'src/storage': { ours: ['src/domain', 'src/protocol/errors.ts'], packages: ['idb', 'valibot'] },
  'src/actions': {
    ours: ['src/domain', 'src/pipeline', 'src/protocol', 'src/storage'],
    packages: ['fflate'],
  },
  'src/state': {
    ours: ['src/domain', 'src/pipeline', 'src/protocol', 'src/actions', 'src/storage'],
    packages: ['svelte'],
  },
  'src/command-line': {
    ours: ['src/domain', 'src/pipeline', 'src/engine', 'workers/teachers'],
    packages: ['node:'],
  },
  'src/ui': { ours: ['src/state', 'src/domain'], packages: ['svelte', 'uplot', 'virtua'] },
  'src/main.ts': {
    ours: ['src/state', 'src/ui', 'src/protocol', 'src/storage', 'src/actions'],
    packages: ['svelte'],
  },
  'src/start.ts': { ours: ['src/main.ts', 'src/ui'], packages: [] },
  workers: {
    ours: ['src/domain', 'src/pipeline', 'src/engine', 'src/protocol', 'src/storage'],
    packages: ['fflate'],
  },
  'workers/teachers/web-llm': {
    ours: [
      'src/domain',
      'src/pipeline',
      'src/engine',
      'src/protocol',
      'src/storage',
      'workers/teachers',
      'workers/network',
    ],
    packages: ['@mlc-ai/web-llm'],
  },
  'workers/service.ts': { ours: ['workers/hosting'], packages: [] },
  'workers/hosting': { ours: ['src/engine/kernels/build'], packages: ['vite', 'node:'] },
}

interface Import {
  /** Path of the importing file from the project's root, with `/`. */
  readonly from: string
  /** Path of ours, or a package's specifier. */
  readonly to: string
  readonly isPackage: boolean
}

/** The script parts of a source file: itself, or a component's two scripts. */
function scriptsOf(path: string, text: string): string[] {
  if (!path.endsWith('.svelte')) return [text]
  const { instance, module } = parseSvelte(text, { modern: true })
  return [instance, module].flatMap((script) => {
    if (script === null || script === undefined) return []
    const { start, end } = script.content as unknown as { start: number; end: number } // estree nodes carry offsets here, which their type leaves out
    return [text.slice(start, end)]
  })
}

/** All imports of a file, type-only and dynamic ones included; styles and `?url` assets are files like others. */
export function readImports(path: string, text: string): Import[] {
  return scriptsOf(path, text).flatMap((script) =>
    ts.preProcessFile(script, true, true).importedFiles.map(({ fileName }) => {
      const bare = fileName.replace(/\?.*$/, '')
      const isPackage = !bare.startsWith('.')
      return {
        from: path,
        to: isPackage ? bare : posix.normalize(posix.join(dirname(path), bare)),
        isPackage,
      }
    }),
  )
}

const isUnder = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`)

/** The narrowest ring that a file belongs to. */
const ringOf = (path: string): string | undefined =>
  Object.keys(RINGS)
    .filter((name) => isUnder(path, name))
    .toSorted((a, b) => b.length - a.length)[0]

/** What is wrong with one import, as a sentence; undefined if nothing is. */
export function judgeImport({ from, to, isPackage }: Import): string | undefined {
  const ring = ringOf(from)
  if (ring === undefined)
    return `${from} is in no ring: give its folder a line in the table of tests/imports.test.ts.`
  const rule = RINGS[ring]
  if (rule === undefined) return `${ring} has no rule.`
  if (isPackage) {
    if (to.startsWith('node:') && rule.packages.includes('node:')) return undefined
    if (to === 'onnxruntime-web' || to === 'onnxruntime-web/all' || to === 'onnxruntime-web/webgl')
      return `${from} imports ${to}: use onnxruntime-web/wasm, /webgpu or /jspi; the default entry point is deprecated and four times as big.`
    const name = to
      .split('/')
      .slice(0, to.startsWith('@') ? 2 : 1)
      .join('/')
    return rule.packages.includes(name)
      ? undefined
      : `${from} imports the package ${to}; ${ring} may import ${rule.packages.join(', ') || 'no package'}.`
  }
  const home = isUnder(from, 'src/engine') ? 'src/engine' : ring
  if (isUnder(to, home) || rule.ours.some((place) => isUnder(to, place))) return undefined
  return `${from} imports ${to}; ${ring} may import ${rule.ours.join(', ') || 'nothing of ours'}.`
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.(ts|svelte)$/.test(path)) yield path
  }
}

/** Ops are the gradients of one another, and an op's declaration and the graph name each other's types; see op.ts. */
const NATURAL_CYCLES = ['src/engine/graph/ops', 'src/engine/graph/op.ts', 'src/engine/graph/graph.ts']

const files = [...walk('src'), ...walk('workers')]
const imports = files.flatMap((path) => readImports(path, readFileSync(`${root}/${path}`, 'utf8')))

/** A loop in a graph as the names along it, or undefined. */
export function findLoop(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const finished = new Set<string>()
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name]
    if (finished.has(name)) return undefined
    for (const next of edges.get(name) ?? []) {
      const loop = visit(next, [...path, name])
      if (loop !== undefined) return loop
    }
    finished.add(name)
    return undefined
  }
  for (const name of edges.keys()) {
    const loop = visit(name, [])
    if (loop !== undefined) return loop
  }
  return undefined
}

/** The sets of names that reach each other (strongly connected components with more than one name), sorted. Source: Tarjan 1972. */
export function findCycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []
  const visit = (name: string): number => {
    const index = order.size
    let lowest = index
    order.set(name, index)
    stack.push(name)
    for (const next of edges.get(name) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next))
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) ?? index)
    }
    low.set(name, lowest)
    if (lowest === index) {
      const members = stack.splice(stack.indexOf(name))
      if (members.length > 1) cycles.push(members.toSorted())
    }
    return lowest
  }
  for (const name of edges.keys()) if (!order.has(name)) visit(name)
  return cycles
}

/** A graph of `nameOf(file)` over all imports of ours, without edges from a name to itself. */
function graphOf(all: readonly Import[], nameOf: (path: string) => string): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>()
  for (const { from, to, isPackage } of all) {
    if (isPackage || nameOf(from) === nameOf(to)) continue
    edges.set(nameOf(from), (edges.get(nameOf(from)) ?? new Set()).add(nameOf(to)))
  }
  return edges
}

describe('imports', () => {
  test('reach only what the ring of each file allows', () => {
    expect(imports.map(judgeImport).filter((sentence) => sentence !== undefined)).toEqual([])
    expect(files.length).toBeGreaterThan(20)
  })

  test('name files that exist', () => {
    const known = new Set(files)
    const missing = imports.filter(
      ({ to, isPackage }) => !isPackage && /\.(ts|svelte)$/.test(to) && !known.has(to),
    )
    expect(missing.map(({ from, to }) => `${from} imports ${to}, which does not exist.`)).toEqual([])
  })

  test('never lead from the page to the engine or a worker', () => {
    const edges = graphOf(imports, (path) => path)
    const reached = new Set<string>()
    const queue = ['src/main.ts']
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      queue.push(...(edges.get(path) ?? []))
    }
    expect([...reached].filter((path) => isUnder(path, 'src/engine') || isUnder(path, 'workers'))).toEqual([])
  })

  test('form no circle between folders', () => {
    const loop = findLoop(
      graphOf(imports, (path) =>
        path === 'src/main.ts'
          ? path
          : path
              .split('/')
              .slice(0, isUnder(path, 'src/engine') ? 3 : isUnder(path, 'src') ? 2 : 1)
              .join('/'),
      ),
    )
    expect(loop?.join(' → ')).toBeUndefined()
  })

  test('form no circle between files, types included', () => {
    const cycles = findCycles(graphOf(imports, (path) => path))
    expect(
      cycles.filter(
        (members) => !members.every((path) => NATURAL_CYCLES.some((place) => isUnder(path, place))),
      ),
    ).toEqual([])
  })
})

describe('the import checker', () => {
  const judge = (path: string, text: string) =>
    readImports(path, text)
      .map(judgeImport)
      .filter((sentence) => sentence !== undefined)

  test('finds a forbidden import in a component, a type-only import, a dynamic import and a re-export', () => {
    expect(
      judge(
        'src/ui/screen/Screen.svelte',
        '<script lang="ts">import { open } from "../../storage/database.ts"</script><p>hi</p>',
      ),
    ).toHaveLength(1)
    expect(judge('src/domain/seed.ts', "import type { A } from '../engine/graph/graph.ts'")).toHaveLength(1)
    expect(
      judge('src/state/run.svelte.ts', "const g = await import('../engine/graph/graph.ts')"),
    ).toHaveLength(1)
    expect(judge('src/pipeline/steps.ts', "export * from '../actions/x.ts'")).toHaveLength(1)
  })

  test('finds a package in the wrong ring and the runtime’s default entry point', () => {
    expect(judge('src/engine/graph/graph.ts', "import ort from 'onnxruntime-web/wasm'")[0]).toContain(
      'no package',
    )
    expect(judge('src/engine/runtime/open.ts', "import ort from 'onnxruntime-web'")[0]).toContain(
      'default entry point',
    )
    expect(judge('src/engine/runtime/open.ts', "import ort from 'onnxruntime-web/wasm'")).toEqual([])
  })

  test('finds a circle of folders', () => {
    expect(
      findLoop(
        new Map([
          ['a', new Set(['b'])],
          ['b', new Set(['c'])],
          ['c', new Set(['b'])],
        ]),
      ),
    ).toEqual(['b', 'c', 'b'])
    expect(
      findLoop(
        new Map([
          ['a', new Set(['b', 'c'])],
          ['b', new Set(['c'])],
        ]),
      ),
    ).toBeUndefined()
  })
  test('finds every circle of files, each once', () => {
    const edges = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c', 'd'])],
      ['c', new Set(['b'])],
      ['d', new Set(['e'])],
      ['e', new Set(['d', 'a'])],
      ['f', new Set(['g'])],
      ['g', new Set(['f'])],
      ['h', new Set(['a'])],
    ])
    expect(findCycles(edges)).toEqual([
      ['a', 'b', 'c', 'd', 'e'],
      ['f', 'g'],
    ])
  })
})
