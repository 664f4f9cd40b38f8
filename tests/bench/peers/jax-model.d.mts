// Knows: the types of the next file.
import type { Lesson, Trainee } from './trainee.ts'

export function openJax(lesson: Lesson): Promise<Trainee>
