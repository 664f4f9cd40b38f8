// Knows: the sentences of SST-2 that lie beside the project (Socher et al. 2013), split once and for all by a seed. They are read for
// measuring only and never become part of the project.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { contentId } from '../../src/domain/id.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import { SHARED } from '../browser/launch.ts'

export interface Labelled {
  readonly text: string
  /** A place in LABELS. */
  readonly label: number
}
export const LABELS = ['negative', 'positive'] as const

/** Sentences that all are asked, and those that settings are chosen on; the rest may be learned. */
const ASKED = 1000
const DEV = 500

export interface Sentences {
  readonly learn: readonly Labelled[]
  readonly dev: readonly Labelled[]
  readonly asked: readonly Labelled[]
}

const FILE = join(SHARED, 'data/sst2-train.tsv')
export const whyMissing = existsSync(FILE) ? undefined : 'there is no ../shared/data/sst2-train.tsv'

/** Each sentence once, so that none is both learned and asked. */
export function readSentences(): Sentences {
  const found = new Map<string, Labelled>()
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    const [text = '', label] = line.trim().split('\t')
    if (text !== '' && (label === '0' || label === '1') && !found.has(text))
      found.set(text, { text, label: Number(label) })
  }
  const all = shuffle([...found.values()], makeRng('bench/classes'))
  return { asked: all.slice(0, ASKED), dev: all.slice(ASKED, ASKED + DEV), learn: all.slice(ASKED + DEV) }
}

/** Rows of a dataset: sentences as prompts and their labels as completions; those of `heldOut` are measured while it trains. */
export function toRows(train: readonly Labelled[], heldOut: readonly Labelled[]): DatasetRow[] {
  const toRow =
    (split: DatasetRow['split']) =>
    ({ text, label }: Labelled): DatasetRow => ({
      rowId: contentId('row', text),
      seedId: contentId('seed', text),
      split,
      system: '',
      prompt: text,
      completion: LABELS[label] ?? '',
      editedByHand: false,
    })
  return [...train.map(toRow('train')), ...heldOut.map(toRow('held-out'))]
}

/** How a language model is asked. */
export const askLabel = (text: string): string =>
  `Is the sentiment of this sentence from a film review positive or negative? Answer with one word.\n\n${text}`

/** Share of right answers, in per cent. */
export const shareRight = (asked: readonly Labelled[], answers: readonly (number | undefined)[]): number =>
  (100 * asked.filter(({ label }, i) => answers[i] === label).length) / asked.length
