// Knows: what a loss's examples can be made of, what a dataset offers of each kind, and when that is too little.
// Must not know: losses, where rows are stored.
import { describeClasses } from './find-classes.ts'
import { describeAnswers } from './known-answers.ts'
import type { RowFacts } from './row-facts.ts'

/** Too few of a kind. */
export interface RowRefusal {
  readonly kind: 'no classes' | 'no pairs' | 'no problems'
  readonly sentence: string
}

export interface RowKindFacts {
  /** What a dataset offers, in a sentence; absent if every row is one. */
  readonly describe?: (facts: RowFacts) => string
  /** Why a dataset has too few; absent if every row is one. */
  readonly refuse?: (facts: RowFacts) => RowRefusal | undefined
  /** Rows from which a student from scratch learns more than these rows by heart. */
  readonly enough: number
  /** Examples of what the student writes. */
  readonly samples: string
  /** Why some rows were skipped. */
  readonly skipped: string
}

const MIN_ROWS = 2

const written = {
  enough: 100,
  samples: 'Sample completions',
  skipped: 'skipped because no part of the completion fitted',
} as const

export const ROW_KINDS = {
  /** Prompts and completions. */
  texts: written,
  /** The same, whose prompts the student completes too. */
  prompts: written,
  /** A chosen and a rejected completion. */
  pairs: {
    ...written,
    describe: ({ pairs }) => `${pairs} preference ${pairs === 1 ? 'pair' : 'pairs'} for training.`,
    refuse: ({ pairs }) =>
      pairs < MIN_ROWS
        ? {
            kind: 'no pairs',
            sentence: `This objective learns from preference pairs, but this dataset has ${pairs === 0 ? 'none' : 'only one'}. Add a step that makes pairs, such as “Pair the best with the worst” after a judge with several completions per prompt, then run and freeze again.`,
          }
        : undefined,
  },
  /** Completions that are good or bad by themselves. */
  sides: {
    ...written,
    describe: ({ good, bad, undecided }) =>
      `For training: ${good} good rows (kept) and ${bad} bad ones (dropped with a lower score).${undecided > 0 ? ` ${undecided} dropped with a score are on neither side.` : ''}`,
    refuse: ({ good, bad, undecided }) =>
      good < MIN_ROWS || bad < MIN_ROWS
        ? {
            kind: 'no pairs',
            sentence: `This objective learns from good and bad rows: kept rows, and rows dropped with a lower score. For training there are ${good} good and ${bad} bad ones, and it needs at least ${MIN_ROWS} of each. ${undecided > 0 ? `${undecided} dropped with a score are on neither side: no kept row has a higher one. ` : ''}Judge the rows and keep those above a threshold, then run and freeze again.`,
          }
        : undefined,
  },
  /** Prompts with a final answer that can be checked. */
  problems: {
    ...written,
    describe: ({ problems, knownAnswers }) => describeAnswers(problems, knownAnswers),
    refuse: ({ train, problems }) =>
      problems < MIN_ROWS
        ? {
            kind: 'no problems',
            sentence: `Of ${train} training rows ${problems === 1 ? 'only one has' : 'none has'} a final answer that can be checked (“Answer: 12”), and this objective needs at least ${MIN_ROWS}. Freeze a run of problems with known answers, such as the example “Corner shop sums”.`,
          }
        : undefined,
  },
  /** Prompts whose completion is one of a few labels. */
  labels: {
    // A classifier learns less from each row, and needs fewer.
    enough: 40,
    samples: 'Sample predictions',
    skipped: 'skipped because the prompt did not fit',
    describe: ({ classes }) => (classes?.ok ? `${describeClasses(classes.value)}.` : ''),
    refuse: ({ classes }) =>
      classes !== undefined && !classes.ok
        ? { kind: 'no classes', sentence: classes.problems[0]?.sentence ?? 'The rows have no classes.' }
        : undefined,
  },
} as const satisfies Readonly<Record<string, RowKindFacts>>

export type RowKind = keyof typeof ROW_KINDS
/** What there is to know of a kind. */
export const rowKindOf = (kind: RowKind): RowKindFacts => ROW_KINDS[kind]
