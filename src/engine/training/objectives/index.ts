// Knows: all kinds of objectives, each made from its options.
import { makeDistillation } from './distillation.ts'
import type { Objective } from './objective.ts'
import { makePolicy } from './policy.ts'
import { makePreference } from './preference.ts'
import { makeTexts } from './texts.ts'

export type { Objective } from './objective.ts'

const KINDS = {
  texts: makeTexts,
  distillation: makeDistillation,
  preference: makePreference,
  policy: makePolicy,
}
type Kinds = typeof KINDS
type OptionsOf<Kind extends keyof Kinds> = { readonly kind: Kind } & Parameters<Kinds[Kind]>[0]
export type ObjectiveOptions = { [Kind in keyof Kinds]: OptionsOf<Kind> }[keyof Kinds]

/** The objective of a kind with its options. */
export function makeObjective({ kind, ...options }: ObjectiveOptions): Objective {
  const make = KINDS[kind] as (options: unknown) => Objective // the options are those of this kind by their type
  return make(options)
}
