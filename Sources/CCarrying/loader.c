#define _GNU_SOURCE
#include "CCarrying.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// BPF_TCX_INGRESS of linux/bpf.h since Linux 6.6, which older headers do not have.
enum { TCX_INGRESS = 46 };

static int copy(int descriptor)
{
    if (descriptor < 0) return descriptor;
    int copied = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    return copied < 0 ? -errno : copied;
}

static int map_of_maps(int inner)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)inner);
    return bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "svs_outer", 4, 4, 1, &options);
}

static int take(struct bpf_object *object, struct svs_carry_program *program)
{
    static const char *const names[] = {"flows4", "flows6", "shared", "counts"};
    int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "svs_inner", 4, 4, 1, NULL);
    program->maps[5] = inner;
    program->maps[4] = inner < 0 ? inner : map_of_maps(inner);
    for (int place = 0; place < 4; place++) program->maps[place] = copy(bpf_object__find_map_fd_by_name(object, names[place]));
    program->watch = copy(bpf_program__fd(bpf_object__find_program_by_name(object, "watch")));
    program->carry = copy(bpf_program__fd(bpf_object__find_program_by_name(object, "carry")));
    int failure = program->watch < 0 ? program->watch : program->carry < 0 ? program->carry : 0;
    for (int place = 0; place < SVS_CARRY_MAPS; place++) if (program->maps[place] < 0) failure = program->maps[place];
    if (failure == 0) return 0;
    if (program->watch >= 0) close(program->watch);
    if (program->carry >= 0) close(program->carry);
    for (int place = 0; place < SVS_CARRY_MAPS; place++) if (program->maps[place] >= 0) close(program->maps[place]);
    return failure;
}

int svs_carry_load(const void *code, uint64_t size, uint32_t flows, int kind, struct svs_carry_program *program)
{
    // What libbpf would print is said in one line instead.
    libbpf_set_print(NULL);
    struct bpf_object *object = bpf_object__open_mem(code, size, NULL);
    if (!object) return -errno;
    struct bpf_program *watch = bpf_object__find_program_by_name(object, "watch");
    int result = watch && kind ? bpf_program__set_type(watch, (enum bpf_prog_type)kind) : 0;
    if (result == 0) result = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "flows4"), flows);
    if (result == 0) result = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "flows6"), flows);
    if (result == 0) result = bpf_object__load(object);
    if (result == 0) result = take(object, program);
    bpf_object__close(object);
    return result;
}

int svs_carry_attach(int carry, int32_t interface) { return bpf_link_create(carry, interface, (enum bpf_attach_type)TCX_INGRESS, NULL); }
