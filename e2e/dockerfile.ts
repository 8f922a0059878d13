import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import dockerignore from '@balena/dockerignore';
import { DockerfileParser } from 'dockerfile-ast';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly keyword: string;
  /** What stands behind the keyword, on one line. */
  readonly text: string;
  /** Counts from 0. */
  readonly stage: number;
}

/** Reads the image's Dockerfile. */
export function imageInstructions(): readonly Instruction[] {
  const parsed = DockerfileParser.parse(imageDockerfile());
  let stage = -1;
  return parsed.getInstructions().map((instruction) => {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') stage++;
    const text = instruction.getTextContent().slice(keyword.length).replace(/\\\n/g, ' ').trim();
    return { keyword, text, stage };
  });
}

/** The Dockerfile's text. */
export function imageDockerfile(): string {
  return readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8');
}

/** The files of the repository that a build would be given: those that git knows and .dockerignore lets through. */
export function buildContext(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const ignored = dockerignore().add(readFileSync(join(root, '.dockerignore'), 'utf8'));
  return ignored.filter(listed.toString('utf8').split('\0').filter(Boolean));
}

/** Does what a COPY of the first stage does: puts what it names of the build's context below `folder`. */
export function copyFromContext({ text }: Instruction, context: readonly string[], folder: string): readonly string[] {
  const words = text.split(/\s+/);
  const target = words.at(-1) ?? '.';
  const copied: string[] = [];
  for (const source of words.slice(0, -1)) {
    const files = context.filter((path) => path === source || path.startsWith(`${source}/`));
    if (files.length === 0) throw new Error(`COPY ${source}: nothing of that name is in the build's context`);
    for (const path of files) {
      // A folder's content goes to the target, a file into it where that is a folder.
      const to = target.endsWith('/') ? join(target, path) : join(target, path.slice(source.length));
      mkdirSync(dirname(join(folder, to)), { recursive: true });
      cpSync(join(root, path), join(folder, to));
    }
    copied.push(...files);
  }
  return copied;
}
