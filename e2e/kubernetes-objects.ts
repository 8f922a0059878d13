import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as a manifest has it. */
export interface KubernetesObject {
  /** Where it stands. */
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [member: string]: unknown;
}

const FOLDER = fileURLToPath(new URL('../deploy/kubernetes/', import.meta.url));

/** Every object of the manifests. What only kustomize reads is none. */
export function kubernetesObjects(): readonly KubernetesObject[] {
  const files = readdirSync(FOLDER).filter((name) => /\.ya?ml$/.test(name) && name !== 'sotto.config.yaml');
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(FOLDER + file, 'utf8'), { version: '1.2' }).map((document) => {
      if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join('; ')}`);
      return { ...(document.toJS() as KubernetesObject), file };
    }),
  );
}

/**
 * What the published schemas have against an object: wrong and missing members, and members that they do not know.
 * The validators let unknown members pass, so it is watched which ones they look at: what nobody looks at is unknown.
 */
export function schemaFaults({ file: _, ...object }: KubernetesObject): readonly string[] {
  const { validate } = modelOf(object.apiVersion, object.kind).prototype;
  const looked = new Set<string>();
  try {
    validate.call(watched(object, '', looked));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return pathsOf(object, '').filter((path) => !looked.has(path));
}

interface Model {
  readonly prototype: { readonly validate: () => void };
}

const VERSIONS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  v1: core,
  'apps/v1': apps,
  'autoscaling/v2': autoscaling,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
};

function modelOf(apiVersion: string, kind: string): Model {
  const model = VERSIONS[apiVersion]?.[kind];
  if (typeof model !== 'function') throw new Error(`there is no ${kind} in ${apiVersion}`);
  return model;
}

function watched(value: unknown, path: string, looked: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof key !== 'string') return member;
      looked.add(`${path}/${key}`);
      return watched(member, `${path}/${key}`, looked);
    },
  });
}

function pathsOf(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [`${path}/${key}`, ...pathsOf(member, `${path}/${key}`)]);
}
