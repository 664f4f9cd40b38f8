// Knows: that nothing but a loss's own files names it.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { parse as parseSvelte } from 'svelte/compiler'
import { expect, test } from 'vitest'
import { trainMembers } from '../../../../src/pipeline/training/index.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const NAMES: ReadonlySet<string> = new Set(trainMembers.map(({ name }) => name))

/** Where a loss may be named: its declaration, its formula, claims on its formula with their numbers, earlier versions, the glossary. */
const OWN_FILES = [
  'src/pipeline/training/losses/',
  'src/engine/training/divergences/',
  'src/engine/training/preferences/',
  'src/engine/checks/',
  'src/storage/upgrades/',
  'src/ui/glossary/',
]

/** `Pick<Student, 'classes'>` and `'classes' in raw` name a field, not a loss. */
const namesField = (node: ts.Node): boolean =>
  (ts.isLiteralTypeNode(node.parent) && !ts.isPropertySignature(node.parent.parent)) ||
  (ts.isBinaryExpression(node.parent) && node.parent.operatorToken.kind === ts.SyntaxKind.InKeyword)

export function findNames(text: string): string[] {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && NAMES.has(node.text) && !namesField(node)) found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** A component's expressions too: their literals are in its syntax tree. */
function findNamesInComponent(text: string): string[] {
  const found: string[] = []
  JSON.stringify(parseSvelte(text, { modern: true }), (key, value: unknown) => {
    if (key === 'value' && typeof value === 'string' && NAMES.has(value)) found.push(value)
    return value
  })
  return found
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.(ts|svelte)$/.test(path)) yield path
  }
}

test('finds a name in code and in a component, and takes no field for one', () => {
  expect(findNames("const a = b.loss === 'grpo' ? 'x' : \"dpo\"")).toEqual(['grpo', 'dpo'])
  expect(findNames("interface A { readonly loss: 'lora' }")).toEqual(['lora'])
  expect(findNames("type A = Pick<B, 'classes'>; const c = 'classes' in d")).toEqual([])
  expect(findNamesInComponent("{#if a === 'grpo'}<p>b</p>{/if}")).toEqual(['grpo'])
})

test('no file outside of a loss’s own names it', () => {
  const named = [...walk('src'), ...walk('workers')]
    .filter((path) => !OWN_FILES.some((own) => `${dirname(path)}/`.startsWith(own)))
    .flatMap((path) => {
      const text = readFileSync(`${root}/${path}`, 'utf8')
      return (path.endsWith('.svelte') ? findNamesInComponent(text) : findNames(text)).map(
        (name) => `${path}: ${name}`,
      )
    })
  expect(named).toEqual([])
})
