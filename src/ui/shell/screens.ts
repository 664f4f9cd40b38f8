// Knows: which file each screen is loaded from, when it is first opened. What is loaded stays.
// Must not know: what a screen shows.
import type { Component } from 'svelte'
import { loadRecipeText } from '../../state/project/recipe-text.svelte.ts'
import type { ScreenName } from '../../state/app/route.svelte.ts'

/** The screens of a project and the self-check. */
export type LazyScreenName = ScreenName | 'self-check'

type Load = () => Promise<{ readonly default: Component }>

const FILES: Readonly<Record<LazyScreenName, Load>> = {
  seeds: () => import('../seeds/SeedsScreen.svelte'),
  teacher: () => import('../teacher/TeacherScreen.svelte'),
  recipe: () => import('../recipe/RecipeScreen.svelte'),
  run: () => import('../run/RunScreen.svelte'),
  dataset: () => import('../dataset/DatasetScreen.svelte'),
  student: () => import('../student/StudentScreen.svelte'),
  compare: () => import('../compare/CompareScreen.svelte'),
  'take-home': () => import('../take-home/TakeHomeScreen.svelte'),
  'self-check': () => import('../self-check/SelfCheckScreen.svelte'),
}

/** Screens that show nothing of a recipe, and so do not wait for what reads its text. */
const WITHOUT_RECIPE: readonly LazyScreenName[] = ['seeds', 'teacher', 'self-check']

const loaded = new Map<LazyScreenName, Component>()

/** The screen, if it was loaded before. */
export const findScreen = (name: LazyScreenName): Component | undefined => loaded.get(name)

/** Loads a screen; rejects if its file cannot be fetched. A later call tries again where the browser allows it. */
export async function loadScreen(name: LazyScreenName): Promise<Component> {
  const [{ default: screen }] = await Promise.all([
    FILES[name](),
    WITHOUT_RECIPE.includes(name) ? undefined : loadRecipeText(),
  ])
  loaded.set(name, screen)
  return screen
}

/** Loads all screens one after another, so that later navigation does not wait. A failure is left to the navigation that needs the file. */
export async function loadAllScreens(): Promise<void> {
  for (const name of Object.keys(FILES) as LazyScreenName[]) await loadScreen(name).catch(() => undefined)
}
