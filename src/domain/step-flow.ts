// Knows: what each family of steps is for, what it takes and what it gives.
// Must not know: members.
import type { Family, Flow, StepDeclaration } from './recipe.ts'

export interface StepFlow {
  /** What it reads; of prompts and completions those that are there when it runs. */
  readonly takes: readonly Flow[]
  readonly gives: readonly Flow[]
}

/** A family for people, and what its members take and give unless they declare otherwise. */
export interface FamilyTexts extends StepFlow {
  readonly title: string
  readonly help: string
  /** Its members only drop some of what they take. */
  readonly isDropping?: true
}

export const FAMILY_TEXTS: Readonly<Record<Family, FamilyTexts>> = {
  grow: {
    title: 'Grow prompts',
    help: 'Makes more prompts from your seeds; after another grow step, from the prompts so far.',
    takes: ['seeds'],
    gives: ['prompts'],
  },
  complete: {
    title: 'Complete',
    help: 'Generates completions of the prompts.',
    takes: ['prompts'],
    gives: ['completions'],
  },
  filter: {
    title: 'Filter',
    help: 'Drops what a rule finds bad, with the reason.',
    isDropping: true,
    takes: ['prompts', 'completions'],
    gives: ['prompts', 'completions'],
  },
  judge: {
    title: 'Judge',
    help: 'Scores completions with a model.',
    takes: ['completions'],
    gives: ['verdicts'],
  },
  compare: {
    title: 'Compare',
    help: 'Looks at all completions together: duplicates, or which of two is better.',
    isDropping: true,
    takes: ['completions'],
    gives: ['completions'],
  },
  tag: {
    title: 'Tag',
    help: 'Lets a model add named values to each completion; before the complete step, to each prompt.',
    takes: ['prompts', 'completions'],
    gives: ['prompts', 'completions'],
  },
  keep: {
    title: 'Keep',
    help: 'Selects completions by their verdicts.',
    isDropping: true,
    takes: ['completions', 'verdicts'],
    gives: ['completions'],
  },
  freeze: {
    title: 'Freeze',
    help: 'Makes the kept rows a dataset, part of it held out.',
    takes: ['completions'],
    gives: ['dataset'],
  },
  train: { title: 'Train', help: 'Trains a student on the dataset.', takes: ['dataset'], gives: ['student'] },
}

/** What a member takes and gives. */
export const flowOf = ({
  family,
  takes = FAMILY_TEXTS[family].takes,
  gives = FAMILY_TEXTS[family].gives,
}: Pick<StepDeclaration, 'family' | 'takes' | 'gives'>): StepFlow => ({ takes, gives })
