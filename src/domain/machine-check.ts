// Knows: one result of the self-check of training on this machine: the claim, the difference measured and the bound.

export const CHECK_GROUPS = ['products', 'gradients', 'losses', 'rows', 'training'] as const
export type CheckGroup = (typeof CHECK_GROUPS)[number]

export interface MachineCheck {
  readonly group: CheckGroup
  readonly name: string
  readonly ok: boolean
  /** The largest difference found; NaN if none could be computed. */
  readonly difference: number
  /** The largest difference that passes. */
  readonly bound: number
  /** Why nothing could be compared; absent if the claim ran. */
  readonly error?: string
}
