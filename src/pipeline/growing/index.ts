// Knows: the members of the grow family.
import { evolInstruct } from './evol-instruct.ts'
import type { GrowMember } from './growth.ts'
import { selfInstruct } from './self-instruct.ts'

export const growMembers: readonly GrowMember[] = [selfInstruct, evolInstruct]

/** The grow step of this name. */
export const findGrow = (name: string): GrowMember | undefined =>
  growMembers.find((member) => member.name === name)
