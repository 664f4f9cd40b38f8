// Knows: all claims that are checked on the user's machine, in order.
import { adapterClaims } from './adapter-claims.ts'
import { answerClaims } from './answer-claims.ts'
import { classClaims } from './class-claims.ts'
import type { CheckMachine, Claim } from './check.ts'
import { gradientClaims } from './gradient-claims.ts'
import { hiddenClaims } from './hidden-claims.ts'
import { lossClaims } from './loss-claims.ts'
import { ownAnswerClaims } from './own-answer-claims.ts'
import { productClaims } from './product-claims.ts'
import { rowClaims } from './row-claims.ts'
import { trainingClaims } from './training-claims.ts'

export { tryClaim } from './check.ts'
export type { CheckMachine, CheckResult, Claim } from './check.ts'

/** The claims that apply to this machine. */
export function listClaims({ runtime, reference }: CheckMachine): readonly Claim[] {
  const all = [
    ...productClaims,
    ...gradientClaims,
    ...lossClaims,
    ...answerClaims,
    ...ownAnswerClaims,
    ...hiddenClaims,
    ...classClaims,
    ...rowClaims,
    ...trainingClaims,
    ...adapterClaims,
  ]
  return all.filter(
    ({ only }) =>
      (only !== 'with reference' || reference !== undefined) &&
      (only !== 'on wasm' || runtime.backend === 'wasm'),
  )
}
