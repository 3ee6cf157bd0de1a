/* Counts what the interpreter asks of its allocators: raw, mem and object domain, all threads.

   One request counts once: the object allocator serves what is large from the raw one, and that
   inner request is not another. Atomic, since raw memory is asked for without the GIL. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyMemAllocatorEx before[3];
static const PyMemAllocatorDomain domains[3] = {
    PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
static long asked, freed;
static int wrapped, on;
static __thread int inside;

#define COUNT(what) \
    if (!inside && __atomic_load_n(&on, __ATOMIC_RELAXED)) __atomic_add_fetch(&what, 1, __ATOMIC_RELAXED)

static void *counted_malloc(void *ctx, size_t size) {
    PyMemAllocatorEx *own = ctx;
    COUNT(asked);
    inside++;
    void *made = own->malloc(own->ctx, size);
    inside--;
    return made;
}

static void *counted_calloc(void *ctx, size_t n, size_t size) {
    PyMemAllocatorEx *own = ctx;
    COUNT(asked);
    inside++;
    void *made = own->calloc(own->ctx, n, size);
    inside--;
    return made;
}

static void *counted_realloc(void *ctx, void *at, size_t size) {
    PyMemAllocatorEx *own = ctx;
    COUNT(asked);
    if (at != NULL) { COUNT(freed); }
    inside++;
    void *made = own->realloc(own->ctx, at, size);
    inside--;
    return made;
}

static void counted_free(void *ctx, void *at) {
    PyMemAllocatorEx *own = ctx;
    if (at != NULL) { COUNT(freed); }
    inside++;
    own->free(own->ctx, at);
    inside--;
}

/* The allocators stay wrapped: another thread may be inside one at any moment. */
static PyObject *begin(PyObject *module, PyObject *unused) {
    if (!wrapped) {
        for (int i = 0; i < 3; i++) {
            PyMem_GetAllocator(domains[i], &before[i]);
            PyMemAllocatorEx ours = {&before[i], counted_malloc, counted_calloc, counted_realloc,
                                     counted_free};
            PyMem_SetAllocator(domains[i], &ours);
        }
        wrapped = 1;
    }
    __atomic_store_n(&on, 1, __ATOMIC_RELAXED);
    Py_RETURN_NONE;
}

static PyObject *pause_(PyObject *module, PyObject *unused) {
    __atomic_store_n(&on, 0, __ATOMIC_RELAXED);
    Py_RETURN_NONE;
}

static PyObject *total(PyObject *module, PyObject *unused) {
    __atomic_store_n(&on, 0, __ATOMIC_RELAXED);
    long made = __atomic_exchange_n(&asked, 0, __ATOMIC_RELAXED);
    long gone = __atomic_exchange_n(&freed, 0, __ATOMIC_RELAXED);
    return Py_BuildValue("ll", made, made - gone);
}

static PyMethodDef methods[] = {
    {"begin", begin, METH_NOARGS, "Count from now on."},
    {"pause", pause_, METH_NOARGS, "Count nothing until `begin`."},
    {"total", total, METH_NOARGS, "Stop; give what was asked for and what of it stays, from zero."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "counter", NULL, -1, methods};

PyMODINIT_FUNC PyInit_counter(void) { return PyModule_Create(&definition); }
