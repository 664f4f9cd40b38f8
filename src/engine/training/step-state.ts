// Knows: what a buffer of parameters brings into a train step and takes out of it: weights, moments, a running average.
import type { Graph, Value } from '../graph/graph.ts'
import { moveAverage } from './averaging.ts'
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
import { listTrained, type AdapterOptions } from './adapters.ts'

export interface UpdateOptions {
  readonly layout: Layout
  /** Largest norm of the gradient; 0 does not clip. */
  readonly clip: number
  readonly optimizer: OptimizerName
  /** A running average of the weights is kept. */
  readonly averages: boolean
  /** Adapters are trained, and the decoder's own parameters stay as they are. */
  readonly adapts?: AdapterOptions
}

export const STATE_PARTS = ['weights', 'first', 'second', 'average'] as const
export type StatePart = (typeof STATE_PARTS)[number]

/** Names under which a part of a group enters a step and leaves it. */
export const nameIn = (group: Group, part: StatePart): string =>
  part === 'weights' ? group.name : `${group.name} ${part}`
export const nameOut = (group: Group, part: StatePart): string => `next ${nameIn(group, part)}`

/** A group of parameters with the rule that updates it. */
export interface RuledGroup {
  readonly group: Group
  readonly rule: UpdateRule
  readonly parts: readonly StatePart[]
}

/** The buffers of a training. Throws a RangeError where an optimizer has rules for single parameters and the layout has none. */
export function ruleGroups(
  shape: DecoderShape,
  {
    layout,
    optimizer,
    averages,
    adapts,
  }: Pick<UpdateOptions, 'layout' | 'optimizer' | 'averages' | 'adapts'>,
): RuledGroup[] {
  return groupParameters(listTrained(shape, adapts), layout).map((group) => {
    const rules = new Set(group.members.map((member) => OPTIMIZERS[optimizer](member)))
    const [rule] = rules
    if (rule === undefined || rules.size > 1)
      throw new RangeError(
        `${optimizer} treats parameters differently: it needs each in a buffer of its own.`,
      )
    return {
      group,
      rule,
      parts: STATE_PARTS.filter(
        (part) => (part !== 'second' || rule.hasSecond) && (part !== 'average' || averages),
      ),
    }
  })
}

/** A group's values in a graph: its parts as inputs, and its parameters in shapes of their own. */
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

/** Adds the update to a graph: `norm` (of all gradients, before clipping) and every part's next value as outputs. */
export function updateGroups(
  g: Graph,
  opened: readonly OpenedGroup[],
  gradients: readonly Value[],
  { clip, averages }: UpdateOptions,
): void {
  const [plain, rate, epsilon, keep] = STEP_SCALARS.map((name) => g.input(name, 'f32', [])) as [
    Value,
    Value,
    Value,
    Value,
  ]
  const scalars: ScalarValues = { plain, rate, epsilon, keep }
  const fresh = averages ? g.input('fresh', 'f32', []) : undefined
  const { norm, scale } = clipByNorm(g, gradients, clip)
  g.output('norm', norm)
  opened.forEach(({ group, rule, values }, i) => {
    const [weights, first, second, average] = STATE_PARTS.map((part) => values.get(part))
    if (!weights || !first) throw new RangeError(`${group.name} was not opened with its moments`)
    const next = rule.update(g, {
      state: { weights, first, ...(second ? { second } : {}) },
      gradient: gradients[i] as Value,
      gradientScale: scale,
      scalars,
      decays: group.decays,
    })
    g.output(nameOut(group, 'weights'), next.weights)
    g.output(nameOut(group, 'first'), next.first)
    if (next.second) g.output(nameOut(group, 'second'), next.second)
    if (average && fresh) g.output(nameOut(group, 'average'), moveAverage(g, average, next.weights, fresh))
  })
}
