// Knows: KL(student ‖ teacher), mode-seeking: the student must avoid what the teacher avoids (Gu et al. 2023, MiniLLM).
import { add, div, log, mul } from '../../graph/ops/index.ts'
import type { Divergence } from './divergence.ts'

export const reverseKl = {
  name: 'reverse-kl',
  terms: (g, teacher, student) => mul(g, student, log(g, div(g, student, teacher))),
  slopes: (g, teacher, student) => add(g, log(g, div(g, student, teacher)), g.scalar(1)),
} as const satisfies Divergence
