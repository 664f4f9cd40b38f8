// Knows: a recipe as a graph: the way of the rows from the seeds through its steps.
// Must not know: members (steps.ts), how a graph is drawn.
import type { Flow, StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { checkSettings } from '../../domain/settings.ts'
import { flowOf, type StepFlow } from '../../domain/step-flow.ts'
import { addsSeeds, replacesPrompts } from '../growing/count-prompts.ts'
import { findGrow } from '../growing/index.ts'
import { findStep } from '../steps.ts'
import { titleSteps } from './step-titles.ts'

/** Rows only gain verdicts and comparisons: they stay completions. */
type Passed = Exclude<Flow, 'verdicts' | 'comparisons'>

export interface GraphNode {
  readonly kind: 'seeds' | 'step' | 'outcome'
  /** The step's title, or what the recipe begins or ends with. */
  readonly title: string
  /** Such as `filter: length`; empty for the ends. */
  readonly name: string
  /** Index of the step; only of steps. */
  readonly step?: number
  /** Distance from the seeds: 1 more than that of the farthest node before it. */
  readonly layer: number
}

/** Rows pass from one node to another; both are indexes of `nodes`. */
export interface GraphEdge {
  readonly from: number
  readonly to: number
  readonly flow: Passed
}

export interface RecipeGraph {
  /** The seeds first, the outcome last. */
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

/** In the order in which a recipe makes them. */
const ORDER: readonly Passed[] = ['seeds', 'prompts', 'completions', 'dataset', 'student']
const OUTCOMES: Readonly<Record<Passed, string>> = {
  seeds: 'Seeds',
  prompts: 'Prompts',
  completions: 'Completions',
  dataset: 'Dataset',
  student: 'Student',
}

const passedOf = (flow: Flow): Passed =>
  flow === 'verdicts' || flow === 'comparisons' ? 'completions' : flow

/** Only drops some of what it takes. */
const sifts = ({ takes, gives }: StepFlow): boolean => gives.every((flow) => takes.includes(flow))

interface PlacedStep {
  readonly index: number
  readonly title: string
  readonly name: string
  readonly flow: StepFlow
  readonly isGrow: boolean
  /** The seeds themselves are prompts too. */
  readonly hasSeeds: boolean
  /** As a grow step that is not the first: the prompts before it are not passed on. */
  readonly replaces: boolean
}

/**
 * The graph of any draft. Neighbours that make the same of the same (two completers, two judges) are side by side; a step that drops rows comes
 * after what is before it, and so does a grow step, which takes the prompts so far where there are some. A step that is not known is drawn as one that drops rows.
 */
export function makeRecipeGraph(
  steps: readonly StepDraft[],
  find: (family: string, name: string) => StepDeclaration | undefined = findStep,
): RecipeGraph {
  const nodes: GraphNode[] = [{ kind: 'seeds', title: 'Seeds', name: '', layer: 0 }]
  const edges: GraphEdge[] = []
  /** The nodes that give each kind of rows now. */
  const givers = new Map<Passed, readonly number[]>([['seeds', [0]]])

  const findInput = (takes: readonly Flow[]): Passed => {
    const kinds = takes.map(passedOf)
    const latest = ORDER.findLast((kind) => givers.has(kind) && kinds.includes(kind))
    if (latest !== undefined) return latest
    // Nothing made what it takes: the seeds themselves are the prompts.
    const first = Math.min(...kinds.map((kind) => ORDER.indexOf(kind)))
    return ORDER.findLast((kind, at) => givers.has(kind) && at < first) ?? 'seeds'
  }
  const connect = (node: Omit<GraphNode, 'layer'>, flow: Passed, sources: readonly number[]): number => {
    const layer = 1 + Math.max(...sources.map((source) => nodes[source]?.layer ?? 0))
    const at = nodes.push({ ...node, layer }) - 1
    edges.push(...sources.map((from) => ({ from, to: at, flow })))
    return at
  }

  for (const group of groupSteps(steps, find)) {
    const [first] = group as [PlacedStep] // a group has a step
    const { takes, gives } = first.flow
    const isLaterGrow = first.isGrow && givers.has('prompts')
    const input = isLaterGrow ? 'prompts' : findInput(takes)
    const sources = givers.get(input) ?? [0]
    const made = group.map(({ index, title, name }) =>
      connect({ kind: 'step', title, name, step: index }, input, sources),
    )
    const output = gives.length === 0 ? input : passedOf(gives.at(-1) as Flow)
    const isPassedOn = isLaterGrow ? first.replaces : output === input || takes.map(passedOf).includes(output)
    const kind = sifts({ takes, gives }) ? input : output
    const seeds = group.some(({ hasSeeds }) => hasSeeds) ? [0] : []
    givers.set(kind, isPassedOn ? made : [...new Set([...(givers.get(kind) ?? []), ...seeds, ...made])])
  }
  const last = ORDER.findLast((kind) => givers.has(kind)) ?? 'seeds'
  connect({ kind: 'outcome', title: OUTCOMES[last], name: '' }, last, givers.get(last) ?? [0])
  return { nodes, edges }
}

/** The steps in order, those that are side by side together. */
function groupSteps(
  steps: readonly StepDraft[],
  find: (family: string, name: string) => StepDeclaration | undefined,
): PlacedStep[][] {
  const groups: PlacedStep[][] = []
  const titles = titleSteps(steps, find)
  steps.forEach((step, index) => {
    const { family, name } = step
    const declaration = find(family, name)
    const flow = declaration === undefined ? { takes: ORDER, gives: ORDER } : flowOf(declaration)
    const placed = {
      index,
      title: declaration === undefined ? name : (titles[index] ?? declaration.title),
      name: `${family}: ${name}`,
      flow,
      isGrow: family === 'grow',
      ...readGrow(
        step,
        groups.some((group) => group[0]?.isGrow),
      ),
    }
    const before = groups.at(-1)
    const isAlike = before?.[0] !== undefined && isSameFlow(before[0].flow, flow)
    if (before !== undefined && isAlike && !sifts(flow) && !placed.isGrow) before.push(placed)
    else groups.push([placed])
  })
  return groups
}

/** What a grow step does with what it grows from: by its settings, or by its defaults while they have problems. */
function readGrow(
  { family, name, settings }: StepDraft,
  isLater: boolean,
): Pick<PlacedStep, 'hasSeeds' | 'replaces'> {
  const member = family === 'grow' ? findGrow(name) : undefined
  const given = member && checkSettings(member.settings, settings)
  const read = given?.ok ? given : member && checkSettings(member.settings, {})
  if (member === undefined || !read?.ok) return { hasSeeds: false, replaces: false }
  const part = { grow: { index: 0, member, settings: read.value } }
  const at = isLater ? 1 : 0
  return { hasSeeds: addsSeeds(part, at), replaces: replacesPrompts(part, at) }
}

const isSameFlow = (a: StepFlow, b: StepFlow): boolean =>
  a.takes.join() === b.takes.join() && a.gives.join() === b.gives.join()
