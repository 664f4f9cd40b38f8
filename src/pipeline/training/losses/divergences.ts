// Knows: all divergences from the teacher's token probabilities, in the order of the form.
import { forwardKl } from './forward-kl.ts'
import { jensenShannon } from './jensen-shannon.ts'
import { reverseKl } from './reverse-kl.ts'

export const DIVERGENCES = [forwardKl, reverseKl, jensenShannon] as const
