// Knows: the inputs and outputs of a train step for each buffer of parameters: weights, moments, a running average.
import type { Graph, Value } from '../graph/graph.ts'
import { updateAverage } from './weight-averaging.ts'
import { clipByNorm } from './clip-norm.ts'
import { groupParameters, openGroup, type Group, type Layout } from './layout.ts'
import type { DecoderShape } from '../models/shape.ts'
import {
  OPTIMIZERS,
  STEP_SCALARS,
  type OptimizerName,
  type ScalarValues,
  type UpdateRule,
} from './optimizers/index.ts'
import { listTrainable, type AdapterOptions } from './adapters.ts'

export interface UpdateOptions {
  readonly layout: Layout
  /** 0: no clipping. */
  readonly maxGradientNorm: number
  readonly optimizer: OptimizerName
  /** The step updates a running average of the weights. */
  readonly keepsAverage: boolean
  /** Adapters are trained, and the decoder's own parameters are frozen. */
  readonly adapts?: AdapterOptions
}

export const STATE_PARTS = ['weights', 'm', 'v', 'average'] as const
export type StatePart = (typeof STATE_PARTS)[number]

/** Names of the input and the output of a step for a part of a group. */
export const nameIn = (group: Group, part: StatePart): string =>
  part === 'weights' ? group.name : `${group.name} ${part}`
export const nameOut = (group: Group, part: StatePart): string => `next ${nameIn(group, part)}`

/** A group of parameters with its update rule. */
export interface RuledGroup {
  readonly group: Group
  readonly rule: UpdateRule
  readonly parts: readonly StatePart[]
}

/**
 * The buffers of a training. Throws a RangeError if the optimizer has different rules for parameters that share a
 * buffer.
 */
export function ruleGroups(
  shape: DecoderShape,
  {
    layout,
    optimizer,
    keepsAverage,
    adapts,
  }: Pick<UpdateOptions, 'layout' | 'optimizer' | 'keepsAverage' | 'adapts'>,
): RuledGroup[] {
  return groupParameters(listTrainable(shape, adapts), layout).map((group) => {
    const rules = new Set(group.members.map((member) => OPTIMIZERS[optimizer](member)))
    const [rule] = rules
    if (rule === undefined || rules.size > 1)
      throw new RangeError(
        `${optimizer} has different rules for these parameters: each needs its own buffer.`,
      )
    return {
      group,
      rule,
      parts: STATE_PARTS.filter(
        (part) => (part !== 'v' || rule.hasSecondMoment) && (part !== 'average' || keepsAverage),
      ),
    }
  })
}

/** A group's values in a graph: its parts as inputs, and its parameters in their shapes. */
export interface OpenedGroup extends RuledGroup {
  readonly values: ReadonlyMap<StatePart, Value>
  readonly members: ReadonlyMap<string, Value>
}

export function openGroups(g: Graph, groups: readonly RuledGroup[], which: 'all' | 'weights'): OpenedGroup[] {
  return groups.map((ruled) => {
    const { group, parts } = ruled
    const values = new Map(
      (which === 'all' ? parts : (['weights'] as const)).map((part) => [
        part,
        g.input(nameIn(group, part), 'f32', group.shape),
      ]),
    )
    return { ...ruled, values, members: openGroup(g, group, values.get('weights') as Value) }
  })
}

/** Adds the update to a graph. Outputs: `norm` (of all gradients, before clipping) and the next value of every part. */
export function updateGroups(
  g: Graph,
  opened: readonly OpenedGroup[],
  gradients: readonly Value[],
  { maxGradientNorm, keepsAverage }: UpdateOptions,
): void {
  const [lr, correctedLr, epsilon, decayFactor] = STEP_SCALARS.map((name) => g.input(name, 'f32', [])) as [
    Value,
    Value,
    Value,
    Value,
  ]
  const scalars: ScalarValues = { lr, correctedLr, epsilon, decayFactor }
  const rate = keepsAverage ? g.input('averagingRate', 'f32', []) : undefined
  const { norm, scale } = clipByNorm(g, gradients, maxGradientNorm)
  g.output('norm', norm)
  opened.forEach(({ group, rule, values }, i) => {
    const [weights, m, v, average] = STATE_PARTS.map((part) => values.get(part))
    if (!weights || !m) throw new RangeError(`${group.name} was not opened with its moments`)
    const next = rule.update(g, {
      state: { weights, m, ...(v ? { v } : {}) },
      gradient: gradients[i] as Value,
      gradientScale: scale,
      scalars,
      decays: group.decays,
    })
    g.output(nameOut(group, 'weights'), next.weights)
    g.output(nameOut(group, 'm'), next.m)
    if (next.v) g.output(nameOut(group, 'v'), next.v)
    if (average && rate) g.output(nameOut(group, 'average'), updateAverage(g, average, next.weights, rate))
  })
}
