import { expect, test } from 'vitest'
import { editRow } from '../../../src/actions/rows/edit-row.ts'
import { freshId } from '../../../src/domain/id.ts'
import { rowId } from '../../../src/domain/row.ts'
import { makeMachines } from '../../stand-ins/machines.ts'

test('editRow throws a sentence if the row is gone', async () => {
  const machines = await makeMachines()
  await expect(
    editRow(machines, { projectId: freshId('project'), rowId: rowId('gone'), prompt: 'a', completion: 'b' }),
  ).rejects.toMatchObject({
    name: 'StorageFailed',
    message: 'This row is no longer stored; perhaps its project was deleted in another tab.',
  })
})
