// Knows: texts of a recipe that YAML cuts at ` #`, where a comment begins.
import { isMap, isScalar, isSeq, type Document, type Pair, type ParsedNode } from 'yaml'
import type { Problem } from '../../domain/problem.ts'
import { findStep } from '../steps.ts'

/**
 * A problem for the name and for every text setting that is followed by a comment in its line: without quotes, the person who wrote
 * `system: Write about #gardens` would lose the end of the text without noticing. A comment after a number or a choice is one.
 */
export function findLostText(yamlText: string, document: Document): Problem[] {
  const root = document.contents
  if (!isMap(root)) return []
  const steps = root.get('steps', true)
  return [
    ...reportPairs(yamlText, root.items, (field) => field === 'name'),
    ...(isSeq(steps) ? steps.items : []).flatMap((item, step) => {
      if (!isMap(item)) return []
      const [head, ...settings] = item.items
      const declared = findStep(readText(head?.key), readText(head?.value))?.settings
      const isTextSetting = (field: string): boolean => declared?.[field]?.kind === 'text'
      return reportPairs(yamlText, settings, isTextSetting).map((problem) => ({
        ...problem,
        sentence: `Step ${step + 1}: ${problem.sentence}`,
        step,
      }))
    }),
  ]
}

const readText = (node: unknown): string =>
  isScalar(node) && typeof node.value === 'string' ? node.value : ''

function reportPairs(
  yamlText: string,
  pairs: readonly Pair[],
  isText: (field: string) => boolean,
): Problem[] {
  return pairs.flatMap(({ key, value }) => {
    const field = readText(key)
    if (!isText(field) || !isScalar(value) || value.type !== 'PLAIN') return []
    const [, valueEnd = 0, nodeEnd = 0] = (value as ParsedNode).range ?? []
    const lost = /^[ \t]+(#[^\n]*)/.exec(yamlText.slice(valueEnd, nodeEnd))?.[1]?.trim()
    if (lost === undefined) return []
    return [
      {
        sentence: `\`${field}\` ends before “${lost.length > 40 ? `${lost.slice(0, 40)}…` : lost}”: in YAML, # after a space begins a comment. Put the whole text in quotes, or the comment on a line of its own.`,
        field,
      },
    ]
  })
}
