// The writes that wait: on this device's disk, and in this page's memory until they have arrived.

import { added, type Waiting } from "./merging.js";
import { inOrder, type Storage } from "./storage.js";
import type { Problem } from "./types.js";

export interface Queue {
  /** Add a write. It is in memory at once; fulfilled when it is on the disk, or when the disk has refused it. */
  add(write: Waiting): Promise<void>;
  /** Do the same for a page that is being left: what is on the disk is not read before. */
  addAtOnce(write: Waiting): Promise<void>;
  /** All writes of a learner that wait, in their order. */
  waiting(learner: string): Promise<Waiting[]>;
  /** Those of them that this page has made. */
  own(learner: string): Waiting[];
  remove(learner: string, keys: Set<string>): Promise<void>;
  /** Remove everything of a learner from this device. */
  forget(learner: string): Promise<void>;
}

export function createQueue(storage: Storage, onProblem: (problem: Problem) => void): Queue {
  let own: Waiting[] = [];
  /** The keys of own writes that are not on the disk. */
  const unsaved = new Set<string>();
  let hasFailed = false;

  const ownOf = (learner: string) => own.filter((write) => write.learner === learner);

  async function save(write: Waiting, store: (writes: Waiting[], keys: Set<string>) => Promise<void>): Promise<void> {
    own = added(own, write);
    unsaved.add(write.key);
    const writes = ownOf(write.learner).filter((one) => unsaved.has(one.key));
    const keys = keysOf(writes);
    try {
      await store(writes, keys);
      for (const key of keys) unsaved.delete(key);
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) onProblem({ kind: kindOf(error), error });
      hasFailed = true;
    }
  }

  return {
    add: (write) =>
      save(write, (writes, keys) =>
        storage.change(write.learner, (waiting) => writes.reduce(added, without(waiting, keys))),
      ),

    addAtOnce: (write) => save(write, storage.put),

    async waiting(learner) {
      const saved = await storage.waiting(learner).catch(() => null);
      if (!saved) return ownOf(learner);
      const keys = keysOf(saved);
      // Another tab may have sent what is not on the disk any more.
      own = own.filter((write) => write.learner !== learner || keys.has(write.key) || unsaved.has(write.key));
      return inOrder([...saved, ...without(ownOf(learner), keys)]);
    },

    own: ownOf,

    async remove(learner, keys) {
      own = without(own, keys);
      for (const key of keys) unsaved.delete(key);
      // What stays on a broken disk is sent again, which changes nothing.
      await storage.change(learner, (waiting) => without(waiting, keys)).catch(() => {});
    },

    async forget(learner) {
      own = own.filter((write) => write.learner !== learner);
      await storage.forget(learner);
    },
  };
}

function keysOf(writes: Waiting[]): Set<string> {
  return new Set(writes.map((write) => write.key));
}

function without(writes: Waiting[], keys: Set<string>): Waiting[] {
  return writes.filter((write) => !keys.has(write.key));
}

function kindOf(error: unknown): "storage_full" | "storage_unavailable" {
  return (error as Error | null)?.name === "QuotaExceededError" ? "storage_full" : "storage_unavailable";
}
