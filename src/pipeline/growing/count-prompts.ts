// Knows: how many prompts the grow steps of a recipe make of a number of seeds, one step after another.
import type { SettingValues } from '../../domain/settings.ts'
import type { GrowMember } from './growth.ts'

interface Grower {
  readonly index: number
  readonly settings: SettingValues
  readonly member: GrowMember
}
/** A grow step, or none where the seeds are the prompts; the first one has the seeds, the others the prompts so far. */
type Part = { readonly grow?: Grower }

/** Whether all seeds are prompts after this part. A later step that always keeps what it grows from can add them too. */
export const addsSeeds = ({ grow }: Part, at: number): boolean =>
  grow === undefined ||
  ((at === 0 || grow.member.replaces === undefined) && grow.member.addsSeeds(grow.settings))

/** Whether the prompts that a part grows from are not passed on. */
export const replacesPrompts = ({ grow }: Part, at: number): boolean =>
  at > 0 && grow?.member.replaces?.(grow.settings) === true

/** Max prompts after all parts, if no filter drops any, and max prompts that each grow step makes. */
export function countPrompts(
  parts: readonly Part[],
  seeds: number,
): {
  readonly prompts: number
  readonly made: readonly { readonly step: number; readonly prompts: number }[]
} {
  const made: { readonly step: number; readonly prompts: number }[] = []
  let prompts = 0
  let hasSeeds = false
  for (const [at, part] of parts.entries()) {
    const { grow } = part
    const own: number = grow?.member.countPrompts(grow.settings, at === 0 ? seeds : prompts) ?? 0
    const added: number = addsSeeds(part, at) && !hasSeeds ? seeds : 0
    if (grow) made.push({ step: grow.index, prompts: own })
    prompts = (replacesPrompts(part, at) ? 0 : prompts) + own + added
    hasSeeds ||= added > 0
  }
  return { prompts, made }
}
