// Knows: KL(teacher ‖ student), mode-covering: the student must cover all that the teacher does (Hinton et al. 2015).
import { div, log, mul, neg } from '../../graph/ops/index.ts'
import type { Divergence } from './divergence.ts'

export const forwardKl = {
  name: 'forward-kl',
  terms: (g, teacher, student) => mul(g, teacher, log(g, div(g, teacher, student))),
  slopes: (g, teacher, student) => neg(g, div(g, teacher, student)),
} as const satisfies Divergence
