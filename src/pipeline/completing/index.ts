// Knows: the members of the complete family: those that complete prompts, and those that write more about a completion.
import type { EachMember } from '../stages/stage.ts'
import { complete } from './complete.ts'
import type { Completer } from './completer.ts'
import { given } from './given.ts'
import { revise } from './revise.ts'

export const completers: readonly Completer[] = [complete, given]
export const rewriters: readonly EachMember[] = [revise]

/** The complete step of this name that takes prompts. */
export const findCompleter = (name: string): Completer | undefined =>
  completers.find((member) => member.name === name)
