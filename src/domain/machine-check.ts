// Knows: what is proven of the training on a person's own machine: one claim and by how much it held.

export const CHECK_GROUPS = ['gradients', 'losses', 'rows', 'training'] as const
export type CheckGroup = (typeof CHECK_GROUPS)[number]

export interface MachineCheck {
  readonly group: CheckGroup
  readonly name: string
  readonly ok: boolean
  /** The largest difference found; NaN where there was no number. */
  readonly difference: number
  /** The largest that is let pass. */
  readonly bound: number
  /** Why nothing could be compared, where that is so. */
  readonly fault?: string
}
