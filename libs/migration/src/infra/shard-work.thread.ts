/** The entry of a worker thread: does the shard work it is sent, several pieces at a time, and answers each by its number. */
import { parentPort } from 'node:worker_threads';
import { gatherSegment, placeShards, type ShardWork } from './shard-work.js';

interface Request {
  number: number;
  work: ShardWork;
}

const port = parentPort;
if (!port) throw new Error('shard-work.thread is started as a worker thread');

port.on('message', ({ number, work }: Request) => {
  const done = work.op === 'place' ? placeShards(work) : gatherSegment(work);
  done.then(
    (result) => port.postMessage({ number, result }),
    (error: Error) => port.postMessage({ number, failure: error.message }),
  );
});
