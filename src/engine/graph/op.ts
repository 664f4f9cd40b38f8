// Knows: the declaration of an op: its ONNX name, its shape rule and its gradient.
// Must not know: any particular op (ops/), how a graph is stored (graph.ts).
// Import cycles among the files in ops/ (expand, reduceSum and sumTo; split and concat; gather and scatter) are
// natural: these ops are each other's gradients. They use each other only when a gradient is built, never while the
// modules load.
import type { Dim } from './dims.ts'
import type { Graph, Value } from './graph.ts'
import type { Attribute, Attributes, DType } from './onnx-proto.ts'

/** Type of one output. */
export interface OutputType {
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** Input of a shape rule. */
export interface Inference {
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
  /** The input at `index`; throws a GraphError if it is missing. */
  need(index: number): Value
  /** Contents of an integer input if it is a constant of the graph, else `undefined`. */
  constant(index: number): readonly number[] | undefined
  /** Throws a GraphError that names the op and its inputs' shapes. */
  refuse(reason: string): never
}

/** One applied op. An optional output that the op leaves out is `null`. */
export interface GraphNode {
  readonly op: OpDefinition
  readonly name: string
  readonly inputs: readonly (Value | null)[]
  readonly outputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

/**
 * Reverse rule: from the gradients of the outputs (null: no influence on the loss) the gradients of the inputs, each in
 * the shape of its input, or null for an input that has none (integers).
 */
export type GradientRule = (
  g: Graph,
  node: GraphNode,
  outputGradients: readonly (Value | null)[],
) => readonly (Value | null)[]

export interface OpDefinition {
  /** ONNX op type. */
  readonly type: string
  /** '' (ONNX) or 'com.microsoft'. */
  readonly domain?: string
  /** Types of the outputs, in ONNX order; null leaves an optional output out. */
  readonly infer: (inference: Inference) => readonly (OutputType | null)[]
  /**
   * A rule, or the reason why there is none: `zero` propagates no gradient (comparisons, shapes), `none` cannot be
   * differentiated.
   */
  readonly gradient: GradientRule | { readonly zero: string } | { readonly none: string }
}

/** Declares an op. The rest of the builder knows nothing else about it. */
export const defineOp = (definition: OpDefinition): OpDefinition => definition

/** Several nodes that are differentiated as one, by a rule that is cheaper or numerically more stable than theirs. */
export interface CompositeDefinition {
  readonly name: string
  readonly build: (
    g: Graph,
    inputs: readonly Value[],
  ) => { readonly outputs: readonly Value[]; readonly saved: readonly Value[] }
  readonly gradient: (
    g: Graph,
    composite: Composite,
    outputGradients: readonly (Value | null)[],
  ) => readonly (Value | null)[]
}
export interface Composite {
  readonly definition: CompositeDefinition
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  /** Values of the forward pass that the gradient rule uses again. */
  readonly saved: readonly Value[]
}

/** An inconsistent graph: a bug in the builder's caller. The sentence names the op and the shapes. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
}

export const showType = (value: { dtype: DType; shape: readonly Dim[] } | null): string =>
  value ? `${value.dtype}[${value.shape.join(', ')}]` : 'nothing'

/** An integer attribute, or its default. */
export const intAttribute = (attributes: Attributes, name: string, fallback: number): number => {
  const value: Attribute | undefined = attributes[name]
  return typeof value === 'number' ? value : fallback
}
/** A float attribute, or its default. */
export const floatAttribute = (attributes: Attributes, name: string, fallback: number): number => {
  const value: Attribute | undefined = attributes[name]
  return typeof value === 'object' && 'float' in value ? value.float : fallback
}
/** A list of integers, or `undefined`. */
export const intsAttribute = (attributes: Attributes, name: string): readonly number[] | undefined => {
  const value: Attribute | undefined = attributes[name]
  return Array.isArray(value) ? (value as readonly number[]) : undefined
}
