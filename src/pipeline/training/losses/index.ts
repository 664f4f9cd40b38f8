// Knows: all losses, in the order of the form.
import { classes } from './classes.ts'
import { DIVERGENCES } from './divergences.ts'
import { dpo } from './dpo.ts'
import { grpo } from './grpo.ts'
import { kto } from './kto.ts'
import { lora } from './lora.ts'
import { onPolicy } from './on-policy.ts'
import { orpo } from './orpo.ts'
import { simpo } from './simpo.ts'
import { teacherText } from './teacher-text.ts'

export const LOSSES = [
  teacherText,
  ...DIVERGENCES,
  onPolicy,
  classes,
  dpo,
  simpo,
  orpo,
  kto,
  grpo,
  lora,
] as const
