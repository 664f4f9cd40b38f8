import { describe, expect, it } from 'vitest'
import type { StepDeclaration, StepDraft } from '../../../src/domain/recipe.ts'
import { growMembers } from '../../../src/pipeline/growing/index.ts'
import { defaultRecipe, defaultStep } from '../../../src/pipeline/recipes/default-recipe.ts'
import { makeRecipeGraph } from '../../../src/pipeline/recipes/recipe-graph.ts'
import { findStep } from '../../../src/pipeline/steps.ts'

const made = (family: string, name: string): StepDraft => ({ family, name, settings: {} })
/** A made-up member of a family for every name. */
const find = (family: string, name: string): StepDeclaration =>
  ({ family, name, title: name.toUpperCase(), help: '', settings: {} }) as StepDeclaration // the family is one of FAMILIES here
/** The graph's edges as “FROM -flow> TO”. */
const drawn = (
  steps: readonly StepDraft[],
  findMember: Parameters<typeof makeRecipeGraph>[1] = find,
): string[] => {
  const { nodes, edges } = makeRecipeGraph(steps, findMember)
  return edges.map(({ from, to, flow }) => `${nodes[from]?.title} -${flow}> ${nodes[to]?.title}`)
}

describe('the graph of a recipe', () => {
  it('is a chain from the seeds to the student for the default recipe', () => {
    const { steps } = defaultRecipe()
    const { nodes, edges } = makeRecipeGraph(steps)
    expect(nodes).toHaveLength(steps.length + 2)
    expect(nodes.map(({ layer }) => layer)).toEqual(nodes.map((_, at) => at))
    expect(edges.map(({ from, to }) => [from, to])).toEqual(
      steps.concat(steps[0]!).map((_, at) => [at, at + 1]),
    )
    expect([...new Set(edges.map(({ flow }) => flow))]).toEqual([
      'seeds',
      'prompts',
      'completions',
      'dataset',
      'student',
    ])
    expect(nodes.at(-1)).toMatchObject({ kind: 'outcome', title: 'Student' })
    expect(nodes.flatMap(({ step }) => step ?? [])).toEqual(steps.map((_, at) => at))
  })

  it('begins with the seeds where nothing grows prompts, and ends with what is made last', () => {
    expect(drawn([made('complete', 'a')])).toEqual(['Seeds -seeds> A', 'A -completions> Completions'])
    expect(drawn([])).toEqual(['Seeds -seeds> Seeds'])
    expect(drawn([made('grow', 'a')])).toEqual(['Seeds -seeds> A', 'A -prompts> Prompts'])
  })

  it('has completers and judges side by side, and grow steps and steps that drop rows one after another', () => {
    expect(
      drawn([
        made('grow', 'a'),
        made('grow', 'b'),
        made('complete', 'c'),
        made('complete', 'd'),
        made('filter', 'e'),
        made('filter', 'f'),
        made('judge', 'g'),
        made('judge', 'h'),
        made('keep', 'i'),
      ]),
    ).toEqual([
      'Seeds -seeds> A',
      'A -prompts> B',
      'A -prompts> C',
      'B -prompts> C',
      'A -prompts> D',
      'B -prompts> D',
      'C -completions> E',
      'D -completions> E',
      'E -completions> F',
      'F -completions> G',
      'F -completions> H',
      'G -completions> I',
      'H -completions> I',
      'I -completions> Completions',
    ])
  })

  it('leads prompts past what was done with the completions of another completer', () => {
    const { nodes } = makeRecipeGraph(
      [made('grow', 'a'), made('complete', 'c'), made('filter', 'e'), made('complete', 'd')],
      find,
    )
    expect(
      drawn([made('grow', 'a'), made('complete', 'c'), made('filter', 'e'), made('complete', 'd')]),
    ).toEqual([
      'Seeds -seeds> A',
      'A -prompts> C',
      'C -completions> E',
      'A -prompts> D',
      'E -completions> Completions',
      'D -completions> Completions',
    ])
    expect(nodes.map(({ layer }) => layer)).toEqual([0, 1, 2, 3, 2, 4])
  })

  it('leads the seeds past the step that grows prompts if they are prompts too', () => {
    const grow = defaultStep(growMembers[0]!)
    const rest = made('complete', 'c')
    const withSeeds = { ...grow, settings: { ...grow.settings, alsoSeeds: true } }
    expect(drawn([withSeeds, rest], findStep)).toContain('Seeds -prompts> c')
    expect(
      drawn([{ ...grow, settings: { ...grow.settings, alsoSeeds: false } }, rest], findStep),
    ).not.toContain('Seeds -prompts> c')
    expect(drawn([{ ...grow, settings: { alsoSeeds: 'perhaps' } }, rest], findStep)).toHaveLength(3)
  })

  it('leads prompts past a later grow step that keeps them, and only through it where it replaces them', () => {
    const draw = (alsoSeeds: boolean): string[] =>
      drawn(
        [
          made('grow', 'self-instruct'),
          made('filter', 'length'),
          { ...made('grow', 'evol-instruct'), settings: { alsoSeeds } },
          made('complete', 'teacher'),
        ],
        findStep,
      )
    const kept = draw(true)
    const chain = kept.filter((edge) => edge !== 'Length -prompts> Complete')
    expect(chain).toHaveLength(kept.length - 1)
    expect(draw(false)).toEqual(chain)
    expect(chain.map((edge) => edge.replace(/ \(.*?\)/g, ''))).toEqual([
      'Seeds -seeds> Grow prompts',
      'Grow prompts -prompts> Length',
      'Length -prompts> Evolve prompts',
      'Evolve prompts -prompts> Complete',
      'Complete -completions> Completions',
    ])
  })

  it('follows what a member declares instead of its family', () => {
    const own = (family: string, name: string): StepDeclaration => ({
      ...find(family, name),
      ...(name === 'p' ? { takes: ['prompts'], gives: ['prompts'] } : {}),
      ...(name === 'x' ? { takes: ['seeds'], gives: ['completions'] } : {}),
    })
    expect(
      drawn([made('grow', 'a'), made('filter', 'p'), made('complete', 'c'), made('complete', 'x')], own),
    ).toEqual([
      'Seeds -seeds> A',
      'A -prompts> P',
      'P -prompts> C',
      'Seeds -seeds> X',
      'C -completions> Completions',
      'X -completions> Completions',
    ])
  })

  it('has filters before the completer on prompts, or on the seeds where nothing grows', () => {
    expect(drawn([made('grow', 'a'), made('filter', 'f'), made('complete', 'c')])).toEqual([
      'Seeds -seeds> A',
      'A -prompts> F',
      'F -prompts> C',
      'C -completions> Completions',
    ])
    expect(drawn([made('filter', 'f'), made('complete', 'c')])).toEqual([
      'Seeds -seeds> F',
      'F -seeds> C',
      'C -completions> Completions',
    ])
  })

  it('keeps a step that is not known in the chain', () => {
    expect(
      drawn([made('complete', 'a'), made('filtre', 'b'), made('judge', 'c')], (family, name) =>
        family === 'filtre' ? undefined : find(family, name),
      ),
    ).toEqual(['Seeds -seeds> A', 'A -completions> b', 'b -completions> C', 'C -completions> Completions'])
  })
})
