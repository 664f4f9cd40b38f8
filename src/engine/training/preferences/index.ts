// Knows: the list of preference losses.
import { dpo } from './dpo.ts'
import { kto } from './kto.ts'
import { orpo } from './orpo.ts'
import type { Preference } from './preference.ts'
import { simpo } from './simpo.ts'

export type { Preference, PreferenceNumbers } from './preference.ts'

export const PREFERENCES = { dpo, simpo, orpo, kto } as const satisfies Readonly<Record<string, Preference>>
export type PreferenceName = keyof typeof PREFERENCES
