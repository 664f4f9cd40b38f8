// Knows: a refusal as a value that a person reads. A bug is thrown instead.

/** What is wrong, where, and what to do, in whole sentences. */
export interface Problem {
  readonly sentence: string
  /** Line of a file or text, from 1. */
  readonly line?: number
  /** Step of a recipe, from 0. */
  readonly step?: number
  /** Field of a step or record, as written in the file. */
  readonly field?: string
}

/** Either a value or the reasons why there is none. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export const accept = <T>(value: T): Checked<T> => ({ ok: true, value })
export const refuse = (...problems: readonly Problem[]): Checked<never> => ({ ok: false, problems })
