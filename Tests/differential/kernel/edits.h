/*
 * What an administrator does between frames: lines "INDEX: ARGS...", `ipvsadm ARGS' just before frame INDEX (of
 * `address add|del ...' `ip ARGS'), and listings after the last one: lines "FILE: ARGS...". The programs are started in
 * advance and held at a gate (gate.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* `index' is LONG_MAX for listings. */
struct edit { long index; char *args, *file; pid_t pid; int gate, said; };

static struct edit *edits;
static size_t nedit, iedit;

static void die(const char *what) { fprintf(stderr, "inject: %s: %s\n", what, strerror(errno)); exit(2); }

/* No file, no edits. Those of several files are read in the order in which they come. */
static void read_edits(const char *path, int listings)
{
	FILE *f = path ? fopen(path, "r") : NULL;
	char line[4096];
	if (path && !f)
		die(path);
	while (f && fgets(line, sizeof line, f)) {
		char *p = line, *first;
		line[strcspn(line, "\n")] = 0;
		p += strspn(p, " \t");
		if (!*p || *p == '#')
			continue;
		first = p;
		p += strcspn(p, ": \t");
		if (*p)
			*p++ = 0;
		edits = realloc(edits, (nedit + 1) * sizeof *edits);
		edits[nedit++] = (struct edit){ listings ? LONG_MAX : atol(first), strdup(p), listings ? strdup(first) : NULL, 0, -1, -1 };
	}
	if (f)
		fclose(f);
}

/* The program that the arguments are for. */
static const char *program_of(const struct edit *e)
{
	return strncmp(e->args + strspn(e->args, " \t"), "addr", 4) ? "ipvsadm" : "ip";
}

/* Starts `PROGRAM ARGS', without a shell, and returns when it is at the gate. */
static void start_edit(struct edit *e)
{
	extern char **environ;
	const char *program = program_of(e);
	char *words[260] = { (char *)program }, text[4096], c;
	int count = 1, in[2], out[2];
	posix_spawn_file_actions_t actions;
	strcpy(text, e->args);
	for (char *w = strtok(text, " \t"); w && count < 259; w = strtok(NULL, " \t"))
		words[count++] = w;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	setenv("LD_PRELOAD", "./gate.so", 1);
	if (posix_spawnp(&e->pid, program, &actions, NULL, words, environ))
		die(program);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	if (read(out[0], &c, 1) != 1)
		die("gate");
	e->gate = in[1];
	e->said = out[0];
}

/* So many that memory does not matter. */
static void start_edits(void)
{
	for (size_t i = 0; i < nedit && i < 40; i++)
		start_edit(&edits[i]);
}

/* Runs the next edit if it comes before frame `index'; LONG_MAX runs listings too. */
static int run_edit(long index)
{
	if (iedit == nedit || edits[iedit].index > index)
		return 0;
	struct edit *e = &edits[iedit++];
	char buf[4096];
	int status;
	FILE *f = e->file ? fopen(e->file, "w") : stdout;
	if (!f)
		die(e->file);
	if (!e->pid)
		start_edit(e);
	if (write(e->gate, "g", 1) != 1)
		die("gate");
	close(e->gate);
	for (ssize_t n; (n = read(e->said, buf, sizeof buf)) > 0;)
		fwrite(buf, 1, n, f);
	close(e->said);
	if (waitpid(e->pid, &status, 0) < 0)
		die(program_of(e));
	if (e->file)
		fclose(f);
	if (status && e->file)
		fprintf(stderr, "inject: ipvsadm %s FAILED: %d\n", e->args, status);
	else if (status)
		fprintf(stderr, "inject: before frame %ld: `%s %s' gave %d\n", e->index, program_of(e), e->args, status);
	return 1;
}
