"""Two hundred callers at once on the real suite: real models, default settings."""

import asyncio

import safelight
from safelight.gateway.v1 import gateway_pb2 as pb
from services import demo


async def test_two_hundred_streams_at_once_all_end_well():
    async with demo.suite() as address, safelight.AsyncClient(address) as client:

        async def one(number: int) -> pb.Outcome.ValueType:
            generation = client.generate("a red ball", seed=number, width=64, height=64, steps=1)
            return (await generation.result()).outcome

        outcomes = await asyncio.gather(*(one(number) for number in range(200)))
    assert outcomes == [pb.OUTCOME_DELIVERED] * 200
