import { describe, expect, it } from 'vitest'
import { arrangeGraph, wrapText, type PlacedNode } from '../../../src/ui/recipe/graph-layout.ts'

const node = (layer: number, title = 'A step with a long title of several words') => ({
  layer,
  title,
  name: 'filter: something',
})
const edge = (from: number, to: number) => ({ from, to, label: 'completions' })

/** 0 → {1, 2, 3} → 4 → 5, and 0 → 5 past all of them. */
const NODES = [node(0), node(1), node(1), node(1), node(2), node(3)]
const EDGES = [edge(0, 1), edge(0, 2), edge(0, 3), edge(1, 4), edge(2, 4), edge(3, 4), edge(4, 5), edge(0, 5)]

const overlap = (a: PlacedNode, b: PlacedNode): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

describe.each([240, 358, 400, 900])('a graph in %i pixels', (available) => {
  const layout = arrangeGraph(NODES, EDGES, available)

  it('has every node inside the drawing, none over another', () => {
    expect(layout.width).toBeGreaterThanOrEqual(available)
    expect(layout.nodes).toHaveLength(NODES.length)
    layout.nodes.forEach((a, at) => {
      expect(a.x).toBeGreaterThanOrEqual(0)
      expect(a.x + a.width).toBeLessThanOrEqual(layout.width + 0.001)
      expect(a.y + a.height).toBeLessThanOrEqual(layout.height)
      expect(layout.nodes.slice(at + 1).filter((b) => overlap(a, b))).toEqual([])
    })
  })

  it('leads a line past the nodes that it does not touch', () => {
    const numbers = (layout.edges.at(-1)?.path.match(/L ([\d.]+) /g) ?? []).map((part) =>
      Number(part.slice(2)),
    )
    expect(numbers).toHaveLength(2) // one lane in each of the two layers between
    for (const [at, x] of numbers.entries())
      for (const [i, { x: left, width }] of layout.nodes.entries())
        if (NODES[i]?.layer === at + 1) expect(x < left || x > left + width).toBe(true)
  })

  it('has one lane for all lines that leave a node for layers further down', () => {
    const one = arrangeGraph(NODES, EDGES, available)
    const two = arrangeGraph(NODES, [...EDGES, edge(0, 4)], available)
    expect(two.nodes).toEqual(one.nodes)
    expect(two.edges.at(-1)?.path.match(/L /g)).toHaveLength(1)
  })

  it('has titles that fit their nodes', () => {
    for (const { lines, width } of layout.nodes)
      for (const line of lines) expect(line.length * 7).toBeLessThanOrEqual(width)
  })
})

it('is as wide as needed where many are side by side', () => {
  const many = arrangeGraph([node(0), ...Array.from({ length: 6 }, () => node(1))], [edge(0, 1)], 358)
  expect(many.width).toBeGreaterThan(6 * 112)
})

it('a title is broken at spaces, and cut after four lines or inside a word that is too long', () => {
  expect(wrapText('Grow prompts (Self-Instruct)', 16)).toEqual(['Grow prompts', '(Self-Instruct)'])
  expect(wrapText('Grow', 1)).toEqual(['Grow'])
  expect(wrapText('one two three four five six', 5)).toEqual(['one', 'two', 'three', 'four…'])
  expect(wrapText('incomprehensibilities', 10)).toEqual(['incompreh…'])
})
