// Knows: in which buffers a train step reads and writes parameters.
// One buffer for all matrices is fastest on wasm, where every input is copied on every run; on WebGPU a Split into more
// than nine parts exceeds the limit of ten buffers per node, so each parameter has its own.
import { elementsOf } from '../graph/dims.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { reshape, split } from '../graph/ops/index.ts'
import { countOf, type Flat, type Parameter } from './parameters.ts'

export type Layout = 'fused' | 'separate'

/** Parameters that share a buffer. */
export interface Group {
  readonly name: string
  readonly members: readonly Parameter[]
  /** Shape of the buffer: the shape of its only member, or flat. */
  readonly shape: readonly number[]
  readonly decays: boolean
  /** Its offset in the flat array of all parameters. */
  readonly from: number
  readonly count: number
}

/** Groups of a layout, in the order of the parameters (those with weight decay first). */
export function groupParameters(parameters: readonly Parameter[], layout: Layout): Group[] {
  const sets =
    layout === 'separate'
      ? parameters.map((parameter) => ({ name: parameter.name, members: [parameter] }))
      : [
          { name: 'matrices', members: parameters.filter((p) => p.decays) },
          { name: 'norms', members: parameters.filter((p) => !p.decays) },
        ]
  let from = 0
  return sets.map(({ name, members }): Group => {
    const count = countOf(members)
    const group: Group = {
      name,
      members,
      shape: members.length === 1 && members[0] ? members[0].shape : [count],
      decays: members.every((p) => p.decays),
      from,
      count,
    }
    from += count
    return group
  })
}

/** The parameters in a group's buffer as values in their shapes. */
export function openGroup(g: Graph, group: Group, buffer: Value): Map<string, Value> {
  if (group.members.length === 1 && group.members[0]) return new Map([[group.members[0].name, buffer]])
  const parts = split(
    g,
    buffer,
    group.members.map(({ shape }) => elementsOf(shape)),
    0,
  )
  return new Map(group.members.map(({ name, shape }, i) => [name, reshape(g, parts[i] as Value, shape)]))
}

/** A group's part of the flat array. */
export const viewGroup = (group: Group, flat: Flat): Float32Array =>
  flat.subarray(group.from, group.from + group.count)
