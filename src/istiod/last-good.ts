import { formatFieldError } from "#config/field-error.ts";
import { kindNamed } from "#config/kinds.ts";
import type { KubeObject } from "#kube/object.ts";
import type { Problem } from "#snapshot/problem.ts";

/**
 * Decides between a configuration object and the form of it that is in effect. Something that slipped past validation mustn't
 * take away what worked: as long as the new form has errors, the last good one stays.
 */
export interface LastGood {
  /** The form to use: `after`, or `inEffect` when `after` has errors. */
  choose(key: string, inEffect: KubeObject | undefined, after: KubeObject | undefined): KubeObject | undefined;
  /** What is wrong with the forms that were passed over. */
  problems(): readonly Problem[];
}

export function createLastGood(): LastGood {
  const passedOver = new Map<string, readonly Problem[]>();
  return {
    choose(key, inEffect, after) {
      const id = `${(after ?? inEffect)?.kind} ${key}`;
      const errors = after && inEffect ? errorsOf(after) : [];
      // A form that was never good isn't worth keeping: the snapshot leaves it out and says so itself.
      if (errors.length === 0 || (inEffect && errorsOf(inEffect).length > 0)) {
        passedOver.delete(id);
        return after;
      }
      passedOver.set(
        id,
        errors.map((error) => ({
          resource: id,
          field: error.field,
          message: `${formatFieldError(error).slice(error.field.length + 2)}; the last good version stays in effect`,
        })),
      );
      return inEffect;
    },
    problems: () => [...passedOver.values()].flat(),
  };
}

function errorsOf(object: KubeObject) {
  return kindNamed(object.kind ?? "")?.validate(object).errors ?? [];
}
